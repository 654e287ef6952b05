//! Every route, with its response to each kind of visitor.

/// The response to a visitor who is not signed in, of a page that requires it.
pub(crate) const SIGN_IN: &str = "to the sign-in";
const CREATED: &str = "201";
const OK: &str = "200";
const HOME: &str = "303 /settings/tokens";
pub(crate) const NO: &str = "403";

/// Method and path; the form; the responses to an anonymous visitor, a member and an administrator.
pub(crate) type Row = (&'static str, &'static str, [&'static str; 3]);

pub(crate) const TABLE: &[Row] = &[
    ("GET /", "", ["303 /sign-in", HOME, HOME]),
    ("GET /assets/{name}", "", [OK, OK, OK]),
    ("GET /docs", "", [OK, OK, OK]),
    (
        "GET /.well-known/change-password",
        "",
        ["303 /settings/account#password"; 3],
    ),
    ("GET /sign-in", "", [OK, HOME, HOME]),
    ("POST /sign-in", "credentials", [HOME, HOME, HOME]),
    (
        "POST /sign-out",
        "",
        [
            SIGN_IN,
            "303 /sign-in done=signed-out",
            "303 /sign-in done=signed-out",
        ],
    ),
    ("GET /sign-in/link/{code}", "", [OK, OK, OK]),
    (
        "POST /sign-in/link/{code}",
        "password=elephant+umbrella",
        ["303 /settings/tokens done=password-set"; 3],
    ),
    ("GET /join/{code}", "", [OK, OK, OK]),
    (
        "POST /join/{code}",
        "name=New&password=elephant+umbrella",
        ["303 /settings/tokens done=welcome"; 3],
    ),
    ("GET /settings", "", [SIGN_IN, HOME, HOME]),
    ("GET /settings/{*unknown}", "", ["404", "404", "404"]),
    ("GET /settings/tokens", "", [SIGN_IN, OK, OK]),
    ("GET /settings/tokens/new", "", [SIGN_IN, OK, OK]),
    (
        "POST /settings/tokens/new",
        "name=x&scope=read_write&expiry=30",
        [SIGN_IN, CREATED, CREATED],
    ),
    ("GET /settings/tokens/{id}", "", [SIGN_IN, OK, OK]),
    ("GET /settings/tokens/{id}/rotate", "", [SIGN_IN, OK, OK]),
    (
        "POST /settings/tokens/{id}/rotate",
        "overlap=0&expiry=",
        [SIGN_IN, CREATED, CREATED],
    ),
    ("GET /settings/tokens/{id}/delete", "", [SIGN_IN, OK, OK]),
    (
        "POST /settings/tokens/{id}/delete",
        "",
        [
            SIGN_IN,
            "303 /settings/tokens done=token-deleted",
            "303 /settings/tokens done=token-deleted",
        ],
    ),
    ("GET /settings/agent-runs", "", [SIGN_IN, OK, OK]),
    ("GET /settings/agent-runs/new", "", [SIGN_IN, OK, OK]),
    (
        "POST /settings/agent-runs/new",
        "agent=builder&token={token}&time=3600",
        [SIGN_IN, CREATED, CREATED],
    ),
    ("GET /settings/agent-runs/end-all", "", [SIGN_IN, OK, OK]),
    (
        "POST /settings/agent-runs/end-all",
        "runs={run}",
        [
            SIGN_IN,
            "303 /settings/agent-runs done=runs-ended",
            "303 /settings/agent-runs done=runs-ended",
        ],
    ),
    ("GET /settings/agent-runs/{id}", "", [SIGN_IN, OK, OK]),
    ("GET /settings/agent-runs/{id}/end", "", [SIGN_IN, OK, OK]),
    (
        "POST /settings/agent-runs/{id}/end",
        "",
        [
            SIGN_IN,
            "303 /settings/agent-runs done=run-ended",
            "303 /settings/agent-runs done=run-ended",
        ],
    ),
    ("GET /work", "", [SIGN_IN, OK, OK]),
    ("GET /work/queue", "", [SIGN_IN, OK, OK]),
    ("GET /work/new", "", [SIGN_IN, OK, OK]),
    (
        "POST /work/new",
        "domain=OPS&kind=task&title=x&priority=low&target=either",
        [
            SIGN_IN,
            "303 /work/OPS-2 done=item-created",
            "303 /work/OPS-2 done=item-created",
        ],
    ),
    ("GET /work/{key}", "", [SIGN_IN, OK, OK]),
    ("GET /work/{key}/edit", "", [SIGN_IN, OK, OK]),
    (
        "POST /work/{key}/edit",
        "version=1&title=x&priority=low&target=either&status=todo",
        [
            SIGN_IN,
            "303 /work/OPS-1 done=item-changed",
            "303 /work/OPS-1 done=item-changed",
        ],
    ),
    (
        "POST /work/{key}/claim",
        "",
        [
            SIGN_IN,
            "303 /work/OPS-1 done=item-claimed",
            "303 /work/OPS-1 done=item-claimed",
        ],
    ),
    (
        "POST /work/{key}/release",
        "version=1",
        [
            SIGN_IN,
            "303 /work/OPS-1 done=item-released",
            "303 /work/OPS-1 done=item-released",
        ],
    ),
    (
        "POST /work/{key}/complete",
        "version=1",
        [
            SIGN_IN,
            "303 /work/OPS-1 done=item-completed",
            "303 /work/OPS-1 done=item-completed",
        ],
    ),
    ("GET /work/{key}/delete", "", [SIGN_IN, OK, OK]),
    (
        "POST /work/{key}/delete",
        "version=1",
        [
            SIGN_IN,
            "303 /work done=item-deleted",
            "303 /work done=item-deleted",
        ],
    ),
    ("GET /settings/account", "", [SIGN_IN, OK, OK]),
    ("GET /settings/account/activity", "", [SIGN_IN, OK, OK]),
    (
        "POST /settings/account/name",
        "name=Ada+King",
        [
            SIGN_IN,
            "303 /settings/account done=name-changed",
            "303 /settings/account done=name-changed",
        ],
    ),
    (
        "POST /settings/account/password",
        "currentPassword=kettle+walrus+teapot&password=elephant+umbrella",
        [
            SIGN_IN,
            "303 /settings/account done=password-changed",
            "303 /settings/account done=password-changed",
        ],
    ),
    (
        "POST /settings/account/sessions/{id}/end",
        "",
        [
            SIGN_IN,
            "303 /settings/account done=session-ended",
            "303 /settings/account done=session-ended",
        ],
    ),
    (
        "POST /settings/account/sign-out-everywhere",
        "",
        [
            SIGN_IN,
            "303 /sign-in done=signed-out-everywhere",
            "303 /sign-in done=signed-out-everywhere",
        ],
    ),
    (
        "POST /settings/notices/dismiss",
        "upTo=0",
        [SIGN_IN, HOME, HOME],
    ),
    (
        "GET /settings/admin",
        "",
        [SIGN_IN, NO, "303 /settings/admin/users"],
    ),
    ("GET /settings/admin/users", "", [SIGN_IN, NO, OK]),
    ("GET /settings/admin/users/{id}", "", [SIGN_IN, NO, OK]),
    (
        "GET /settings/admin/users/{id}/suspend",
        "",
        [SIGN_IN, NO, OK],
    ),
    (
        "POST /settings/admin/users/{id}/suspend",
        "",
        [
            SIGN_IN,
            NO,
            "303 /settings/admin/users/{id} done=user-suspended",
        ],
    ),
    (
        "POST /settings/admin/users/{id}/unsuspend",
        "",
        [
            SIGN_IN,
            NO,
            "303 /settings/admin/users/{id} done=user-unsuspended",
        ],
    ),
    ("GET /settings/admin/users/{id}/role", "", [SIGN_IN, NO, OK]),
    (
        "POST /settings/admin/users/{id}/role",
        "role=admin",
        [
            SIGN_IN,
            NO,
            "303 /settings/admin/users/{id} done=role-changed",
        ],
    ),
    (
        "GET /settings/admin/users/{id}/email",
        "",
        [SIGN_IN, NO, OK],
    ),
    (
        "POST /settings/admin/users/{id}/email",
        "email=other%40example.com",
        [
            SIGN_IN,
            NO,
            "303 /settings/admin/users/{id} done=email-changed",
        ],
    ),
    (
        "GET /settings/admin/users/{id}/delete",
        "",
        [SIGN_IN, NO, OK],
    ),
    (
        "POST /settings/admin/users/{id}/delete",
        "",
        [SIGN_IN, NO, "303 /settings/admin/users done=user-deleted"],
    ),
    (
        "POST /settings/admin/users/{id}/sign-in-link",
        "",
        [SIGN_IN, NO, CREATED],
    ),
    ("GET /settings/admin/invites", "", [SIGN_IN, NO, OK]),
    (
        "POST /settings/admin/invites",
        "email=a%40b&role=member",
        [SIGN_IN, NO, CREATED],
    ),
    (
        "GET /settings/admin/invites/{id}/withdraw",
        "",
        [SIGN_IN, NO, OK],
    ),
    (
        "POST /settings/admin/invites/{id}/withdraw",
        "",
        [
            SIGN_IN,
            NO,
            "303 /settings/admin/invites done=invite-withdrawn",
        ],
    ),
    ("GET /settings/admin/tokens", "", [SIGN_IN, NO, OK]),
    (
        "GET /settings/admin/tokens/revoke",
        "",
        [SIGN_IN, NO, "303 /settings/admin/tokens"],
    ),
    (
        "POST /settings/admin/tokens/revoke",
        "expected={expected}",
        [
            SIGN_IN,
            NO,
            "303 /settings/admin/tokens?scope=admin done=one-token-revoked",
        ],
    ),
    (
        "GET /settings/admin/tokens/{id}/revoke",
        "",
        [SIGN_IN, NO, OK],
    ),
    (
        "POST /settings/admin/tokens/{id}/revoke",
        "",
        [SIGN_IN, NO, "303 /settings/admin/tokens done=token-revoked"],
    ),
    ("GET /settings/admin/audit", "", [SIGN_IN, NO, OK]),
    ("GET /settings/admin/audit/export", "", [SIGN_IN, NO, OK]),
    ("GET /settings/admin/tokens/{id}", "", [SIGN_IN, NO, OK]),
];
