from django.urls import path

from . import views

urlpatterns = [
    path("healthcare-professionals/", views.gate, name="gate"),
    path("healthcare-professionals/forget/", views.withdraw, name="forget_attestation"),
    path("patients/", views.not_a_professional, name="not_a_professional"),
]
