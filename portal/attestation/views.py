from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST
from django.views.generic import FormView

from portal.core.doors import public
from portal.core.http import private, safe_next

from .cookie import AttestedReader, delete_cookie, read_pseudonym, set_cookie
from .forms import AttestationForm
from .kept import FIELD, keep, kept_address
from .models import current_statement
from .services import record_attestation


@method_decorator(private, name="dispatch")
class GateView(FormView[AttestationForm]):
    """Ask for the declaration. GET records nothing; POST records it as evidence."""

    form_class = AttestationForm
    template_name = "attestation/gate.html"
    success_url = reverse_lazy("home")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "statement": current_statement()}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            statement=current_statement(),
            next=self.get_next(),
            kept=self.request.POST.get(FIELD, ""),
            **kwargs,
        )

    def get_next(self) -> str:
        return safe_next(self.request, forbidden=(reverse("gate"),))

    def form_valid(self, form: AttestationForm) -> HttpResponse:
        statement = current_statement()
        profile = {field: form.cleaned_data[field] for field in form.Meta.fields}
        if form.cleaned_data["statement"] != statement.number:
            return self.ask_again(profile)
        attestation = record_attestation(
            statement=statement,
            reader_id=read_pseudonym(self.request),
            user=self.request.user if self.request.user.is_authenticated else None,
            profile=profile,
        )
        address = kept_address(self.request)
        # 307: the browser sends what it kept to where it was meant for.
        response = redirect(address or self.get_next(), preserve_request=address is not None)
        set_cookie(response, AttestedReader(attestation.reader_id, statement.number))
        return response

    def ask_again(self, profile: dict[str, str]) -> HttpResponse:
        """Show the declaration that has come into force meanwhile, unticked, the rest kept."""
        form = AttestationForm(initial=profile, statement=current_statement())
        return self.render_to_response(
            self.get_context_data(form=form, has_declaration_changed=True)
        )


gate = public(GateView.as_view())


@private
def ask_and_keep(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Ask for the declaration in answer to a form that was sent, and keep what was typed.

    Nothing is saved: after the declaration, the page that it was sent to shows it again
    (``portal.attestation.kept``).
    """
    statement = current_statement()
    context = {
        "form": AttestationForm(statement=statement),
        "statement": statement,
        "next": request.path,
        "kept": keep(request),
    }
    return render(request, GateView.template_name, context, status=HTTPStatus.FORBIDDEN)


@public
@private
def not_a_professional(request: HttpRequest) -> HttpResponse:
    """Show patients and carers where to go."""
    return render(request, "attestation/not_a_professional.html")


@public
@require_POST
def withdraw(request: HttpRequest) -> HttpResponse:
    """Let a browser forget that its reader attested (shared hospital computers)."""
    response = redirect("home")
    delete_cookie(response)
    return response
