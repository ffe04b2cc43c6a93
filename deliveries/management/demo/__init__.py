"""The demo: partners, an integrator and the eyes that watch both, around the product's own processes.

`receivers` and `publisher` play the outside: processes of their own, without the product's code, that speak HTTP as any
partner or producer would. `stage` sets the scene for `manage.py demo`, `director` leads through it, `findings` compares
what the partners saw with what the ledger says and `verdict` judges it. `house` is the whole of `manage.py up`: `seed`
makes what it starts with, `dashboard` shows it.
"""
