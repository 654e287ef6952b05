//! `/join/{code}`: claims an invite.

use askama::Template;
use http::{HeaderMap, StatusCode};
use openindex_domain::invite::{Claim, Invite, InviteError, NotClaimable};
use openindex_domain::user::{Email, MIN_PASSWORD_CHARS, PersonName, Role};

use crate::server::{Code, Context};

use super::sign_in::{client_name, enter};
use super::{
    Done, Form, IdPath, Invalid, Moment, Page, PageResult, Shown, Transport, Visitor, Web,
    WebError, html, paths, weak_password,
};

#[derive(Template)]
#[template(path = "public/join.html")]
struct JoinPage<'a> {
    page: Page,
    /// The invited address; `None` for the first administrator, who enters one.
    invited: Option<Shown>,
    makes_admin: bool,
    expires: Moment,
    signed_in_as: Option<Shown>,
    is_readable: bool,
    min_password: usize,
    name: &'a str,
    email: &'a str,
    errors: Invalid,
}

#[derive(Template)]
#[template(path = "public/invalid_link.html")]
struct InvalidLinkPage {
    page: Page,
    title: &'static str,
    text: &'static str,
}

pub(super) async fn show(visitor: Visitor, IdPath(code): IdPath<String>) -> PageResult {
    match visitor.invites.preview(&code).await {
        Ok(invite) => render(&visitor, &invite, &Form::default(), Invalid::default()),
        Err(error) => invalid_invite(&visitor, error),
    }
}

pub(super) async fn submit(
    visitor: Visitor,
    IdPath(code): IdPath<String>,
    headers: HeaderMap,
    context: Context,
    form: Form,
) -> PageResult {
    let invite = match visitor.invites.preview(&code).await {
        Ok(invite) => invite,
        Err(error) => return invalid_invite(&visitor, error),
    };
    if visitor.site.transport == Transport::Readable {
        let mut response = render(&visitor, &invite, &form, Invalid::default())?;
        *response.status_mut() = StatusCode::FORBIDDEN;
        return Ok(response);
    }
    let mut errors = Invalid::default();
    let entered = Email::parse(form.get("email"));
    let email = match invite.email() {
        Some(_) => Some(None),
        None => errors.named("email", "address", entered.map(Some)),
    };
    let name = PersonName::parse(form.get("name"));
    let name = errors.named("name", "name", name);
    let address = invite.email().map_or(form.get("email"), Email::as_str);
    let password = errors.new_password(&form, &[form.get("name"), address]);
    let (Some(name), Some(email), Some(password)) = (name, email, password) else {
        return render(&visitor, &invite, &form, errors);
    };
    let claim = Claim {
        email,
        name,
        password: Some(password),
        token: None,
        session: Some(client_name(&headers)),
    };
    let (id, text) = match visitor.invites.claim(&code, claim, &context).await {
        Ok(claimed) => {
            let signed_in = claimed.signed_in.ok_or(WebError::of(Code::Internal))?;
            let to = Done::Welcome.on(&visitor.site, paths::TOKENS);
            return enter(&visitor, &signed_in, to);
        }
        Err(error @ InviteError::NotClaimable(_)) => return invalid_invite(&visitor, error),
        Err(InviteError::WeakPassword(weak)) => ("password", weak_password(weak)),
        Err(InviteError::EmailTaken) => {
            let text = "This address already has an account. Sign in instead.";
            ("email", text.to_owned())
        }
        Err(InviteError::EmailRequired) => ("email", "Enter your email address.".to_owned()),
        Err(error) => return Err(error.into()),
    };
    errors.add(id, text);
    render(&visitor, &invite, &form, errors)
}

fn render(visitor: &Visitor, invite: &Invite, form: &Form, errors: Invalid) -> PageResult {
    let principal = visitor.principal.as_ref();
    let profile = principal.and_then(|principal| principal.owner().profile.as_ref());
    let template = JoinPage {
        page: Page::plain(&visitor.site),
        invited: invite.email().map(|email| Shown::of(email.as_str())),
        makes_admin: invite.role() == Role::Admin,
        expires: Moment::new(invite.expires_at, visitor.now()),
        signed_in_as: profile.map(|profile| Shown::of(profile.email.as_str())),
        is_readable: visitor.site.transport == Transport::Readable,
        min_password: MIN_PASSWORD_CHARS,
        name: form.shown("name"),
        email: form.shown("email"),
        errors,
    };
    html(template.errors.status(), &template)
}

/// Returns the page for an invite that cannot be claimed. It does not reveal the invited address.
fn invalid_invite(web: &Web, error: InviteError) -> PageResult {
    let reason = match error {
        InviteError::NotClaimable(reason) => reason,
        // The account was created with another invite.
        InviteError::EmailTaken => NotClaimable::Withdrawn,
        error => return Err(error.into()),
    };
    let (status, title, text) = match reason {
        NotClaimable::Unknown => (
            StatusCode::NOT_FOUND,
            "Invite not found",
            "Check that you opened the complete link, or ask the person who sent it for a new one.",
        ),
        NotClaimable::Claimed => (
            StatusCode::GONE,
            "This invite has already been used",
            "If that was you, sign in. If not, tell the person who sent the invite that someone \
             else used it.",
        ),
        // The same text, so that strangers do not learn about the inviting administrator.
        NotClaimable::Withdrawn | NotClaimable::InviterNotAdmin => (
            StatusCode::GONE,
            "This invite is no longer valid",
            "Sign in if you have an account. Otherwise ask an administrator for a new invite.",
        ),
        NotClaimable::Replaced => (
            StatusCode::GONE,
            "This invite was replaced by a newer one",
            "Open the newer link, or ask the person who sent it for a new one.",
        ),
        NotClaimable::Expired => (
            StatusCode::GONE,
            "This invite has expired",
            "Ask the person who sent it for a new one.",
        ),
        NotClaimable::InstanceHasUsers => (
            StatusCode::GONE,
            "This server already has an administrator",
            "This setup link only works until the first administrator exists. Ask an administrator \
             for an invite.",
        ),
    };
    let page = Page::plain(&web.site);
    html(status, &InvalidLinkPage { page, title, text })
}

/// Returns the page for an invalid sign-in link.
pub(super) fn invalid_link(web: &Web) -> PageResult {
    let template = InvalidLinkPage {
        page: Page::plain(&web.site),
        title: "This link can’t be used",
        text: "Sign-in links work once, expire after an hour, and stop working when a newer one is \
               created. If you have just set a password with it, sign in. Otherwise ask an \
               administrator for a new one.",
    };
    html(StatusCode::NOT_FOUND, &template)
}
