"""What an enterprise's manager may type: when an own asset is not to be moved, and why."""

from django import forms
from django.utils.translation import gettext_lazy as _

REASONS = [
    ("production", _("Needed for production")),
    ("maintenance", _("Maintenance")),
    ("safety", _("Safety of people or equipment")),
    ("drill", _("Drill or test")),
]


class Moment(forms.DateTimeInput):
    """The browser's own picker; local time of the park, to the minute."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class OwnReasonForm(forms.Form):
    reason_code = forms.ChoiceField(label=_("Reason"), choices=REASONS)
    reason_text = forms.CharField(label=_("Why, in a sentence"), min_length=10, max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))


class OptOutForm(OwnReasonForm):
    starts_at = forms.DateTimeField(label=_("From (local time)"), widget=Moment())
    ends_at = forms.DateTimeField(label=_("Until (local time)"), widget=Moment())
    field_order = ("starts_at", "ends_at", "reason_code", "reason_text")
