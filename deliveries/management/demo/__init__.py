"""The demo: partners, an integrator and the eyes that watch both, around the product's own processes.

`receivers` and `publisher` play the outside: processes of their own, without the product's code, that speak HTTP as
any partner or producer would. `director` leads `manage.py demo` through its phases, `evidence` collects what really
happened from both sides and `verdict` judges it. `seed` makes what `manage.py up` starts with, `screen` shows it.
"""
