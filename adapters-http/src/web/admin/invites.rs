//! `/settings/admin/invites`: invites.

use askama::Template;
use http::StatusCode;
use openindex_domain::access::ActorError;
use openindex_domain::clock::Timestamp;
use openindex_domain::form::FormId;
use openindex_domain::invite::{Invite, InviteError, InviteId, InviteStatus};
use openindex_domain::user::{Email, Role, UserId};

use crate::web::{
    Administrator, At, Badge, Done, Fault, Form, Invalid, Moment, Page, PageResult, Query, Shown,
    WebError, html, once, paths,
};

use super::people::People;
use super::sign_in_link::LinkPage;
use super::{Back, PAGE};

#[derive(Template)]
#[template(path = "admin/invites.html")]
struct InvitesPage<'a> {
    page: Page,
    form: FormId,
    invites: Vec<InviteView>,
    is_first: bool,
    next: Option<String>,
    email: &'a str,
    role: &'a str,
    errors: Invalid,
    back: Back,
}

#[derive(Template)]
#[template(path = "admin/withdraw.html")]
struct WithdrawPage {
    page: Page,
    invite: InviteView,
    back: Back,
}

struct InviteView {
    id: String,
    /// `None` for the first administrator's invite.
    email: Option<Shown>,
    /// The scripts mixed in the address; empty if it uses a single one.
    mixed: String,
    is_admin: bool,
    status: Badge,
    by: Option<Shown>,
    created: Moment,
    /// `None` if the invite was claimed, withdrawn or replaced.
    expires: Option<Moment>,
    claimed: Option<(String, Shown)>,
    /// The id of the invite that replaced it, if it is on the same page.
    replaced_by: Option<String>,
    can_be_withdrawn: bool,
}

impl InviteView {
    fn of(invite: &Invite, people: &People, now: Timestamp) -> Self {
        let status = invite.status(now);
        Self {
            id: invite.id.to_string(),
            email: invite.email().map(|email| Shown::of(email.as_str())),
            mixed: invite
                .email()
                .map(|email| email.mixed_scripts().join(", "))
                .unwrap_or_default(),
            is_admin: invite.role() == Role::Admin,
            status: match status {
                InviteStatus::Open => Badge::new("Open", "good"),
                InviteStatus::Claimed => Badge::new("Claimed", "calm"),
                InviteStatus::Withdrawn => Badge::new("Withdrawn", "bad"),
                InviteStatus::Replaced => Badge::new("Replaced", "calm"),
                InviteStatus::Expired => Badge::new("Expired", "calm"),
            },
            by: invite.created_by.map(|id| people.name(id)),
            created: Moment::new(invite.created_at, now),
            expires: matches!(status, InviteStatus::Open | InviteStatus::Expired)
                .then(|| Moment::new(invite.expires_at, now)),
            claimed: invite
                .claimed
                .map(|(_, id)| (id.to_string(), people.name(id))),
            replaced_by: None,
            can_be_withdrawn: status == InviteStatus::Open,
        }
    }
}

pub(in crate::web) async fn list(by: Administrator) -> PageResult {
    render(
        &by,
        &by.query,
        by.entries(),
        StatusCode::OK,
        Invalid::default(),
    )
    .await
}

pub(in crate::web) async fn create(by: Administrator, form: Form) -> PageResult {
    let context = once::context(&by, &form)?;
    let query = Query::default();
    let mut errors = Invalid::default();
    let email = Email::parse(form.get("email"));
    let email = errors.named("email", "address", email);
    let role = match form.get("role") {
        "" => Some(Role::Member),
        text => errors.choice("role", text, Role::parse),
    };
    let (Some(email), Some(role)) = (email, role) else {
        let status = errors.status();
        return render(&by, &query, &form, status, errors).await;
    };
    let created = by
        .invites
        .create(&by.principal, email.clone(), role, &context);
    let new = match created.await {
        Ok(new) => new,
        Err(InviteError::EmailTaken) => {
            let user = Query::default().with("search", form.shown("email").trim());
            errors.add_fault(Fault {
                id: "email",
                text: "This person already has an account.".to_owned(),
                link: Some((
                    format!("{}{}", by.site.base, user.on(paths::USERS)),
                    "Create a sign-in link instead.",
                )),
            });
            return render(&by, &query, &form, StatusCode::CONFLICT, errors).await;
        }
        Err(InviteError::NotAuthorized(ActorError::FormUsed(created))) => {
            return once::already(&by, created).await;
        }
        Err(error) => return Err(error.into()),
    };
    LinkPage {
        page: by.page("invites"),
        title: "Invite created",
        email: Shown::of(email.as_str()),
        mixed: email.mixed_scripts().join(", "),
        role: Some(match role {
            Role::Admin => "Administrator",
            Role::Member => "Member",
        }),
        is_dotless: email.has_dotless_domain(),
        purpose: "Anyone who opens it can create the account. It works once.",
        expires: Moment::new(new.invite.expires_at, by.now()),
        again: "If you invite this address again, this link stops working.",
        url: &by.settings.invite_link(&new.secret),
        back: paths::INVITES.to_owned(),
        back_label: "Invites",
    }
    .respond()
}

pub(in crate::web) async fn confirm_withdraw(by: At<Administrator, InviteId>) -> PageResult {
    let principal = &by.principal;
    let invite = by.invites.get(principal, by.id).await?;
    let invite = invite.as_ref().ok_or(WebError::NOT_FOUND)?;
    let people = People::load(&by, invite.created_by).await?;
    let template = WithdrawPage {
        page: by.page("invites"),
        invite: InviteView::of(invite, &people, by.now()),
        back: Back::to(by.query.get("next"), paths::INVITES),
    };
    if !template.invite.can_be_withdrawn {
        return Err(WebError::NOT_FOUND);
    }
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn withdraw(by: At<Administrator, InviteId>, form: Form) -> PageResult {
    let principal = &by.principal;
    // A damaged invite can still be withdrawn.
    let invite = by.invites.get(principal, by.id).await.ok().flatten();
    by.invites.withdraw(principal, by.id, &by.context).await?;
    let about = invite.as_ref().and_then(Invite::email);
    let about = about.map_or_else(|| by.id.to_string(), |email| email.as_str().to_owned());
    let back = Back::to(form.get("next"), paths::INVITES);
    Ok(Done::InviteWithdrawn.to(&by.site, &back.path, &about))
}

async fn render(
    by: &Administrator,
    query: &Query,
    form: &Form,
    status: StatusCode,
    errors: Invalid,
) -> PageResult {
    let principal = &by.principal;
    let mut ignored = Vec::new();
    let after = query.cursor("after", &mut ignored);
    let found = by.invites.list(principal, after, PAGE).await?;
    let invites = found.invites.iter();
    let met = invites.flat_map(|invite| [invite.created_by, invite.claimed.map(|(_, id)| id)]);
    let met: Vec<UserId> = met.flatten().collect();
    let people = People::load(by, met).await?;
    let now = by.now();
    let all = Query::default();
    let here = all.to(paths::INVITES, "after", &query.get("after"));
    let template = InvitesPage {
        page: by.list_page("invites", &found.invites, ignored),
        form: once::to_show(by, form)?,
        invites: found
            .invites
            .iter()
            .map(|invite| InviteView {
                replaced_by: invite
                    .replaced_by
                    .filter(|id| found.invites.iter().any(|shown| shown.id == *id))
                    .map(|id| id.to_string()),
                ..InviteView::of(invite, &people, now)
            })
            .collect(),
        is_first: after.is_none(),
        next: found.next.map(|id| all.to(paths::INVITES, "after", &id)),
        email: form.shown("email"),
        role: form.get("role"),
        errors,
        back: Back::to(&here, paths::INVITES),
    };
    html(status, &template)
}
