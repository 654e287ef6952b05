//! A web interface without a socket, and a browser that visits it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::request::Builder;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use openindex_adapters_http::server::{ApiSettings, ApiState, LayerSettings};
use openindex_domain::access::Principal;
use openindex_domain::agent_run::{AgentId, NewRun, RunTtl};
use openindex_domain::audit::RequestContext;
use openindex_domain::form::FormId;
use openindex_domain::session::SignInLinkUser;
use openindex_domain::testing::{FakeHasher, InMemory, fixtures};
use openindex_domain::token::{Expiry, NewToken, Scope, TokenId, TokenName, TokenWithSecret};
use openindex_domain::user::{
    Account, Email, Password, PasswordHasher as _, Role, User, UserChange,
};
use openindex_domain::work_item::{
    Description, ExecutionTarget, NewWorkItem, Placement, Priority, Title, TopKind, WorkItem,
    WorkItemKey,
};
use tower::ServiceExt as _;

pub(crate) const HTTPS: &str = "https://oi.example.com";
/// Firefox's `Accept` header.
pub(crate) const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
pub(crate) const PASSWORD: &str = "kettle walrus teapot";
/// User 1 is an administrator, user 2 is a member, and user 3 is the target of changes.
pub(crate) const ADMIN: u64 = 1;
pub(crate) const MEMBER: u64 = 2;
pub(crate) const OTHER: u64 = 3;

pub(crate) struct Site {
    pub(crate) domain: InMemory,
    pub(crate) state: ApiState,
    router: Router,
    host: String,
}

/// A response with its body.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

pub(crate) fn state(domain: &InMemory, public_url: &str) -> ApiState {
    ApiState {
        use_cases: domain.use_cases.clone(),
        health: domain.store.clone(),
        entropy: domain.entropy.clone(),
        metrics: Arc::default(),
        settings: Arc::new(ApiSettings {
            public_url: public_url.to_owned(),
            version: "1.2.3",
            layers: LayerSettings::default(),
        }),
    }
}

pub(crate) async fn put_user(domain: &InMemory, user: User) {
    let password = Password::parse(PASSWORD).expect("a password");
    let password = Some(FakeHasher.hash(&password).await.expect("a hash"));
    domain.store.put_account(Account { user, password });
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::at(HTTPS).await
    }

    pub(crate) async fn at(public_url: &str) -> Self {
        let domain = InMemory::default();
        for number in [ADMIN, MEMBER, OTHER] {
            let mut user = fixtures::user(number);
            if number != ADMIN {
                user.role = Role::Member;
            }
            put_user(&domain, user).await;
        }
        let state = state(&domain, public_url);
        Self::on(domain, state)
    }

    /// A site with a given state, which can contain test doubles.
    pub(crate) fn on(domain: InMemory, state: ApiState) -> Self {
        Self {
            router: openindex_adapters_http::router(state.clone()),
            host: host_of(&state),
            domain,
            state,
        }
    }

    /// The API on the same state.
    pub(crate) fn api(&self) -> Router {
        openindex_adapters_http::router(self.state.clone())
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Page {
        send_to(self.router.clone(), request).await
    }

    /// Sends a request and returns the response with its body unread.
    pub(crate) async fn open(&self, path: &str, cookie: &str) -> Body {
        let request = request_to(&self.host, Method::GET, path, cookie).body(Body::empty());
        let request = request.expect("a request");
        let response = self.router.clone().oneshot(request).await;
        response.expect("a response").into_body()
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Page {
        let request = request_to(&self.host, Method::GET, path, cookie).body(Body::empty());
        self.send(request.expect("a request")).await
    }

    /// Follows a redirect with this session.
    pub(crate) async fn follow(&self, page: &Page, cookie: &str) -> Page {
        self.get(page.to(), &format!("{cookie}; {}", page.done()))
            .await
    }

    /// Sends one of our forms like a browser, with a new form ID.
    pub(crate) async fn post(&self, path: &str, cookie: &str, form: &str) -> Page {
        let form = format!("{form}&form={}", self.form());
        self.resend(path, cookie, &form).await
    }

    /// A new form ID.
    pub(crate) fn form(&self) -> FormId {
        let id = FormId::generate(self.state.tokens.now(), &*self.state.entropy);
        id.expect("entropy")
    }

    /// Sends one of our forms like a browser. The fields contain the form ID.
    pub(crate) async fn resend(&self, path: &str, cookie: &str, form: &str) -> Page {
        let request = request_to(&self.host, Method::POST, path, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(form.to_owned()));
        self.send(request.expect("a request")).await
    }

    /// Signs a user in through the form and returns the session cookie.
    pub(crate) async fn sign_in(&self, user: u64) -> String {
        let page = self.post("/sign-in", "", &credentials(user)).await;
        assert_eq!(page.to(), "/settings/tokens", "{page:?}");
        page.cookie()
    }

    /// A principal of the user, to set up objects with.
    pub(crate) async fn principal(&self, user: u64) -> Principal {
        let cookie = self.sign_in(user).await;
        let (session, _) = cookie.split_once(';').expect("two cookies");
        let (_, secret) = session.split_once('=').expect("a cookie");
        let found = self.domain.sessions.verify(secret).await;
        found.expect("a response").expect("a live session")
    }

    pub(crate) async fn create(&self, user: u64, name: &str, scope: Scope) -> TokenWithSecret {
        let new = NewToken::new(TokenName::from_stored(name), scope, Expiry::Never);
        let principal = self.principal(user).await;
        let tokens = &self.domain.tokens;
        let issued = tokens.create(&principal, new, &context()).await;
        issued.expect("it is issued")
    }

    /// Starts a run of the user with a new token.
    pub(crate) async fn run(
        &self,
        user: u64,
        agent: &str,
        work_item: Option<WorkItemKey>,
    ) -> TokenWithSecret {
        let token = self.create(user, "for agents", Scope::ReadWrite).await;
        self.run_with(user, agent, work_item, token.token.id).await
    }

    /// Starts a run of the user with an existing token.
    pub(crate) async fn run_with(
        &self,
        user: u64,
        agent: &str,
        work_item: Option<WorkItemKey>,
        issuer: TokenId,
    ) -> TokenWithSecret {
        let new = NewRun {
            agent: AgentId::parse(agent).expect("an id"),
            work_item,
            ttl: RunTtl::from_seconds(3_600).expect("an hour"),
            issuer: Some(issuer),
        };
        let principal = self.principal(user).await;
        let runs = &self.domain.agent_runs;
        let run = runs.start(&principal, new, &context()).await;
        run.expect("it is started")
    }

    /// Creates a work item in the domain OPS as the user.
    pub(crate) async fn item(&self, user: u64, title: &str) -> WorkItem {
        let new = NewWorkItem {
            place: Placement::Domain("OPS".parse().expect("a key"), TopKind::Task),
            title: Title::parse(title).expect("a title"),
            description: Description::default(),
            priority: Priority::Medium,
            target: ExecutionTarget::Either,
            assignee: None,
        };
        let principal = self.principal(user).await;
        let created = self
            .domain
            .work_items
            .create(&principal, new, &context())
            .await;
        created.expect("it is created")
    }

    pub(crate) async fn suspend(&self, user: u64) {
        let admin = self.principal(ADMIN).await;
        let (users, user) = (&self.domain.users, fixtures::user(user).id);
        let change = UserChange::Suspend;
        let suspended = users.change(&admin, user, change, &context()).await;
        suspended.expect("a suspension");
    }

    /// Creates an invite. Returns its ID and the code of its link.
    pub(crate) async fn invite(&self, email: &str, role: Role) -> (String, String) {
        let email = Email::parse(email).expect("an address");
        let principal = self.principal(ADMIN).await;
        let invites = &self.domain.invites;
        let new = invites.create(&principal, email, role, &context()).await;
        let new = new.expect("an invite");
        (new.invite.id.to_string(), new.secret.expose().to_owned())
    }

    /// Creates a sign-in link for a user. Returns its code.
    pub(crate) async fn link(&self, user: u64) -> String {
        let principal = self.principal(ADMIN).await;
        let subject = SignInLinkUser::ByAdmin(&principal, fixtures::user(user).id);
        let new = self
            .domain
            .sessions
            .create_sign_in_link(subject, &context())
            .await;
        new.expect("a link").secret.expose().to_owned()
    }
}

pub(crate) async fn send_to(router: Router, request: Request<Body>) -> Page {
    let response = router.oneshot(request).await.expect("a response");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    Page {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(body.to_vec()).expect("text"),
    }
}

/// An arbitrary request context.
pub(crate) const CONTEXT: &RequestContext = &RequestContext {
    request_id: None,
    client_address: None,
    form: None,
};

pub(crate) fn context() -> RequestContext {
    CONTEXT.clone()
}

pub(crate) fn credentials(user: u64) -> String {
    let password = PASSWORD.replace(' ', "+");
    format!("email=user{user}%40example.com&password={password}")
}

fn host_of(state: &ApiState) -> String {
    let url: http::Uri = state.settings.public_url.parse().expect("a URL");
    url.authority().expect("a host").to_string()
}

pub(crate) fn request(method: Method, path: &str, cookie: &str) -> Builder {
    request_to("oi.example.com", method, path, cookie)
}

pub(crate) fn request_to(host: &str, method: Method, path: &str, cookie: &str) -> Builder {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, host)
        .header(header::ACCEPT, BROWSER);
    if cookie.is_empty() {
        return request;
    }
    request.header(header::COOKIE, cookie)
}

impl Page {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    /// The target of a redirect, or an empty string.
    pub(crate) fn to(&self) -> &str {
        if self.status == StatusCode::SEE_OTHER {
            self.header("location")
        } else {
            ""
        }
    }

    /// The header that sets the session cookie, or an empty string.
    pub(crate) fn sets_session(&self) -> &str {
        self.sets("session=")
    }

    fn sets(&self, name: &str) -> &str {
        let set = self.headers.get_all("set-cookie").iter();
        let mut set = set.map(|value| value.to_str().expect("text"));
        set.find(|set| set.contains(name)).unwrap_or_default()
    }

    /// The session cookie that it sets, as the browser sends it.
    #[track_caller]
    pub(crate) fn cookie(&self) -> String {
        let [session, user] = ["session=", "_user="].map(|name| {
            let set = self.sets(name);
            assert!(!set.is_empty(), "{self:?}");
            set.split(';').next().unwrap_or_default().to_owned()
        });
        format!("{session}; {user}")
    }

    /// The confirmation that it sets, as the browser sends the cookie.
    pub(crate) fn done(&self) -> &str {
        let set = self.sets("_done=");
        set.split(';').next().unwrap_or_default()
    }

    /// The draft that it sets, as the browser sends the cookie.
    pub(crate) fn draft(&self) -> &str {
        let set = self.sets("_draft=");
        set.split(';').next().unwrap_or_default()
    }

    /// The digest of the tokens that its form revokes.
    #[track_caller]
    pub(crate) fn expected(&self) -> String {
        self.hidden("expected")
    }

    /// The ID of the page's form.
    #[track_caller]
    pub(crate) fn form(&self) -> String {
        self.hidden("form")
    }

    #[track_caller]
    pub(crate) fn hidden(&self, name: &str) -> String {
        let field = self.text.split_once(&format!("name=\"{name}\" value=\""));
        let value = field.and_then(|(_, rest)| rest.split_once('"'));
        value.expect("a form with this field").0.to_owned()
    }

    /// The target of the link with this attribute.
    #[track_caller]
    pub(crate) fn link(&self, attribute: &str) -> String {
        let link = self.text.split("<a ").find(|link| {
            let tag = link.split('>').next();
            tag.is_some_and(|tag| tag.contains(attribute))
        });
        let href = link.and_then(|link| link.split_once("href=\""));
        let href = href.and_then(|(_, rest)| rest.split_once('"'));
        let (href, _) = href.unwrap_or_else(|| panic!("no link with {attribute} in {self:#?}"));
        href.replace("&#38;", "&").replace("&amp;", "&")
    }

    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        assert!(self.text.contains(text), "{text:?} is not in {self:#?}");
    }

    #[track_caller]
    pub(crate) fn hides(&self, text: &str) {
        assert!(!self.text.contains(text), "{text:?} is in {self:#?}");
    }
}
