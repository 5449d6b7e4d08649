"""Addresses of getting back in: whoever asks has no session, and a secret of their own."""

from __future__ import annotations

from django.urls import path

from recovery import views_claimant, views_enrolling, views_evidence

urlpatterns = [
    path("recovery/", views_claimant.start, name="recovery"),
    path("recovery/open/<str:token>/", views_claimant.open_link, name="recovery_open"),
    path("recovery/status/<uuid:pk>/", views_claimant.status, name="recovery_status"),
    path("recovery/status/<uuid:pk>/withdraw/", views_claimant.withdraw, name="recovery_withdraw"),
    path("recovery/status/<uuid:pk>/evidence/<str:code>/", views_evidence.offer, name="recovery_evidence"),
    # The cookie by which a browser is known to an account is sent below /account/ alone.
    path("account/recovery/<uuid:pk>/browser/", views_evidence.offer_browser, name="recovery_browser"),
    path("recovery/mailbox/<str:token>/", views_evidence.open_mailbox, name="recovery_mailbox"),
    path("recovery/enrol/<str:token>/", views_enrolling.enrol, name="recovery_enrol"),
    path("recovery/enrol/<str:token>/key/options/", views_enrolling.key_options, name="recovery_key_options"),
]
