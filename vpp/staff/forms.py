"""Anything that moves power or money by hand: a reason code and a typed sentence."""

from django import forms
from django.utils.translation import gettext_lazy as _

REASONS = [
    ("safety", _("Safety of people or equipment")),
    ("grid_request", _("Request of the grid operator")),
    ("owner_request", _("Request of the owner")),
    ("data_fault", _("Faulty data or forecast")),
    ("market", _("Market situation")),
    ("drill", _("Drill or test")),
    ("repaired", _("The cause is mended")),
    ("routine", _("Routine, or a period is closed")),
]


class ReasonForm(forms.Form):
    reason_code = forms.ChoiceField(label=_("Reason"), choices=REASONS)
    reason_text = forms.CharField(
        label=_("What happened, in a sentence"), min_length=10, max_length=1000, widget=forms.Textarea(attrs={"rows": 3})
    )
