"""Django's classes that take a type parameter, which at run time they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin
from django.contrib.auth import admin as people

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
    UserAdmin = people.UserAdmin
    ModelForm = forms.ModelForm
else:

    def _ignore(cls: type, _: object) -> type:
        return cls

    class ModelAdmin(admin.ModelAdmin):
        """Django's, with a type parameter that means nothing."""

        __class_getitem__ = classmethod(_ignore)

    class UserAdmin(people.UserAdmin):
        """Django's, with a type parameter that means nothing."""

        __class_getitem__ = classmethod(_ignore)

    class ModelForm(forms.ModelForm):
        """Django's, with a type parameter that means nothing."""

        __class_getitem__ = classmethod(_ignore)
