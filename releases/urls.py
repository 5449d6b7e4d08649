"""Addresses of the index: what machines read, what visitors read, the upload, and pages for members."""

from __future__ import annotations

from django.urls import path, re_path

from releases import (
    api_acts,
    api_json,
    api_legacy,
    api_projects,
    api_upload2,
    views,
    views_drafts,
    views_feeds,
    views_files,
    views_manage,
    views_organizations,
    views_reports,
    views_simple,
    views_stage,
    views_teams,
    views_transfers,
)
from releases.views_lifecycle import deleting, release, status, yanking
from releases.views_people import answers, changes, invitations, members, teams

urlpatterns = [
    # -- for machines
    path("simple/", views_simple.simple_root, name="simple_root"),
    path("simple", views_simple.simple_slash),
    path("simple/<str:name>/", views_simple.simple_project, name="simple_project"),
    path("simple/<str:name>", views_simple.simple_slash),
    re_path(
        r"^files/(?P<aa>[0-9a-f]{2})/(?P<bb>[0-9a-f]{2})/(?P<rest>[0-9a-f]{60})/(?P<filename>[^/]+)$",
        views_files.file,
        name="file",
    ),
    re_path(r"^stage/(?P<tokens>[\w+-]+)/(?P<view>simple|overlay)/$", views_stage.root, name="stage"),
    re_path(
        r"^stage/(?P<tokens>[\w+-]+)/(?P<view>simple|overlay)/(?P<name>[^/]+)/$",
        views_stage.project,
        name="stage_project",
    ),
    re_path(r"^stage/(?P<tokens>[\w-]+)/files/(?P<filename>[^/]+)$", views_stage.file, name="stage_file"),
    path("pypi/<str:name>/json", api_json.project_json, name="project_json"),
    path("pypi/<str:name>/json/", api_json.project_json),
    path("pypi/<str:name>/<str:version>/json", api_json.release_json, name="release_json"),
    path("pypi/<str:name>/<str:version>/json/", api_json.release_json),
    path("rss/updates.xml", views_feeds.updates, name="rss_updates"),
    path("rss/packages.xml", views_feeds.packages, name="rss_packages"),
    path("rss/project/<str:name>/releases.xml", views_feeds.project_releases, name="rss_project"),
    path("api/v1/projects/", api_projects.projects, name="api_projects"),
    path("api/v1/projects/<str:name>/downloads/", api_projects.downloads, name="api_downloads"),
    path("api/v1/projects/<str:name>/members/", api_projects.members, name="api_members"),
    path("api/v1/projects/<str:name>/history/", api_projects.history, name="api_history"),
    path("api/v1/projects/<str:name>/invitations/", api_acts.invitations, name="api_invitations"),
    path("api/v1/projects/<str:name>/invitations/<int:pk>/", api_acts.invitation, name="api_invitation"),
    path(
        "api/v1/projects/<str:name>/releases/<str:version>/yank/", api_acts.release_yank, name="api_release_yank"
    ),
    path("api/v1/projects/<str:name>/files/<str:filename>/yank/", api_acts.file_yank, name="api_file_yank"),
    # -- for visitors
    path("", views.home, name="home"),
    path("search/", views.search, name="search"),
    path("project/<str:name>/", views.project, name="project"),
    # Before the versions: this is none (PEP 440).
    path("project/<str:name>/report/", views_reports.report, name="project_report"),
    path("project/<str:name>/<str:version>/", views.project_release, name="project_release"),
    path("user/<str:username>/", views.user, name="user"),
    # -- for those who publish
    # Both spellings answer: clients do not follow a redirect with a body.
    path("legacy/", api_legacy.upload, name="legacy_upload"),
    path("legacy", api_legacy.upload),
    path("legacy/+simple/<str:name>/", api_legacy.simple_beside, name="legacy_simple"),
    path("draft/legacy/", api_legacy.upload, name="draft_upload"),
    path("draft/legacy", api_legacy.upload),
    path("draft/legacy/+simple/<str:name>/", api_legacy.simple_beside),
    path("upload/2.0/", api_upload2.root, name="upload2_root"),
    path("upload/2.0/session/<uuid:public_id>/", api_upload2.session, name="upload2_session"),
    path("upload/2.0/session/<uuid:public_id>/publish/", api_upload2.publish, name="upload2_publish"),
    path("upload/2.0/session/<uuid:public_id>/extend/", api_upload2.extend, name="upload2_extend"),
    path("upload/2.0/session/<uuid:public_id>/upload/", api_upload2.upload, name="upload2_upload"),
    path("upload/2.0/file/<uuid:public_id>/", api_upload2.file, name="upload2_file"),
    path("upload/2.0/file/<uuid:public_id>/bytes/", api_upload2.content, name="upload2_bytes"),
    path("upload/2.0/file/<uuid:public_id>/attestations/", api_upload2.attestations, name="upload2_attestations"),
    path("upload/2.0/file/<uuid:public_id>/complete/", api_upload2.complete, name="upload2_complete"),
    path("account/invitations/", answers.invitations, name="account_invitations"),
    path("account/invitations/project/<int:pk>/", answers.invitation, name="project_invitation"),
    path("manage/projects/", views_manage.projects, name="manage_projects"),
    path("manage/project/<str:name>/", views_manage.project, name="manage_project"),
    path("manage/project/<str:name>/releases/", views_manage.releases, name="manage_releases"),
    path("manage/project/<str:name>/releases/<str:version>/", release.release, name="manage_release"),
    path(
        "manage/project/<str:name>/releases/<str:version>/delete/", deleting.delete_release, name="delete_release"
    ),
    path("manage/project/<str:name>/files/<str:filename>/delete/", deleting.delete_file, name="delete_file"),
    path("manage/project/<str:name>/settings/status/", status.change_status, name="change_status"),
    path("manage/project/<str:name>/settings/delete/", deleting.delete_project, name="delete_project"),
    path("manage/deletion/<int:pk>/undo/", deleting.undo, name="undo_deletion"),
    path("manage/project/<str:name>/releases/<str:version>/yank/", yanking.yank_release, name="yank_release"),
    path(
        "manage/project/<str:name>/releases/<str:version>/unyank/", yanking.unyank_release, name="unyank_release"
    ),
    path("manage/project/<str:name>/files/<str:filename>/yank/", yanking.yank_file, name="yank_file"),
    path("manage/project/<str:name>/files/<str:filename>/unyank/", yanking.unyank_file, name="unyank_file"),
    path("manage/project/<str:name>/drafts/", views_drafts.drafts, name="manage_drafts"),
    path("manage/draft/<uuid:public_id>/", views_drafts.draft, name="draft"),
    path("manage/draft/<uuid:public_id>/hand-in/", views_drafts.hand_in, name="draft_hand_in"),
    path("manage/draft/<uuid:public_id>/return/", views_drafts.send_back, name="draft_return"),
    path("manage/draft/<uuid:public_id>/publish/", views_drafts.publish, name="draft_publish"),
    path("manage/draft/<uuid:public_id>/cancel/", views_drafts.cancel, name="draft_cancel"),
    path("manage/draft/<uuid:public_id>/preview/", views_drafts.renew, name="draft_renew"),
    path("manage/project/<str:name>/people/", members.people, name="manage_people"),
    path("manage/project/<str:name>/people/invite/", invitations.invite, name="people_invite"),
    path("manage/project/<str:name>/people/invitations/<int:pk>/", invitations.change, name="people_invitation"),
    path("manage/project/<str:name>/people/leave/", changes.leave, name="people_leave"),
    path("manage/project/<str:name>/people/member/<str:username>/", changes.member, name="people_member"),
    path("manage/project/<str:name>/people/teams/", teams.grant, name="people_teams"),
    path("manage/project/<str:name>/people/teams/<int:pk>/", teams.take, name="people_team"),
    path("manage/project/<str:name>/tokens/", views_manage.tokens, name="manage_tokens"),
    path("manage/project/<str:name>/settings/", views_manage.settings, name="manage_settings"),
    path("manage/project/<str:name>/history/", views_manage.history, name="manage_history"),
    path("manage/project/<str:name>/transfer/", views_transfers.transfer, name="manage_transfer"),
    path("manage/project/<str:name>/transfer/cancel/", views_transfers.cancel, name="manage_transfer_cancel"),
    path("manage/transfer/<int:pk>/", views_transfers.answer, name="transfer_answer"),
    path("manage/transfer/<int:pk>/accept/", views_transfers.accept, name="transfer_accept"),
    path("manage/transfer/<int:pk>/decline/", views_transfers.decline, name="transfer_decline"),
    # -- for those who do so together
    path("manage/organizations/", views_organizations.mine, name="organizations"),
    path("manage/organizations/create/", views_organizations.create, name="organization_create"),
    path("manage/organization/<str:name>/", views_organizations.overview, name="organization"),
    path("manage/organization/<str:name>/invite/", views_organizations.invite, name="organization_invite"),
    path(
        "manage/organization/<str:name>/invitations/<int:pk>/",
        views_organizations.invitation,
        name="organization_invitation",
    ),
    path(
        "manage/organization/<str:name>/members/<str:username>/",
        views_organizations.member,
        name="organization_member",
    ),
    path("manage/organization/<str:name>/teams/create/", views_teams.create, name="organization_team_create"),
    path("manage/organization/<str:name>/teams/<str:team>/", views_teams.team, name="organization_team"),
    path(
        "manage/organization/<str:name>/teams/<str:team>/change/",
        views_teams.change,
        name="organization_team_change",
    ),
    path("manage/organization/<str:name>/history/", views_organizations.history, name="organization_history"),
    path("manage/organization/<str:name>/leave/", views_organizations.leave, name="organization_leave"),
    path("manage/organization/<str:name>/delete/", views_organizations.delete, name="organization_delete"),
    path(
        "account/invitations/organization/<int:pk>/",
        views_organizations.answer,
        name="organization_invitation_answer",
    ),
]
