//! A person with a token, and helpers for the runs of their agents.

use openindex_domain::access::Principal;
use openindex_domain::agent_run::{AgentId, AgentRunError, NewRun, RunTtl, WorkItemKey};
use openindex_domain::audit::RequestContext;
use openindex_domain::testing::{InMemory, fixtures};
use openindex_domain::token::{Expiry, NewToken, Scope, TokenName, TokenWithSecret};
use openindex_domain::work_item::{
    Description, ExecutionTarget, NewWorkItem, Placement, Priority, Title, TopKind, WorkItem,
};

pub(crate) struct World {
    pub(crate) all: InMemory,
    /// An administrator, with a token of the scope `admin`.
    pub(crate) person: Principal,
}

impl World {
    pub(crate) async fn new() -> Self {
        let all = InMemory::default();
        let ada = fixtures::user(1);
        let name = TokenName::parse("first").expect("a name");
        let first = all.users.bootstrap(ada.email, ada.name, name).await;
        let secret = first.expect("a first administrator").issued.secret;
        let person = all.tokens.verify(secret.expose()).await.expect("live");
        Self { all, person }
    }

    pub(crate) async fn start(
        &self,
        principal: &Principal,
        agent_id: &str,
        work_item: Option<WorkItemKey>,
    ) -> Result<TokenWithSecret, AgentRunError> {
        let request = NewRun {
            agent: agent(agent_id),
            work_item,
            ttl: RunTtl::from_seconds(3_600).expect("an hour"),
            issuer: None,
        };
        self.all
            .agent_runs
            .start(principal, request, context())
            .await
    }

    /// Starts a run of the person and verifies its token.
    pub(crate) async fn run(&self, agent_id: &str, work_item: Option<WorkItemKey>) -> Principal {
        let run = self.start(&self.person, agent_id, work_item).await;
        self.verify(&run.expect("a run")).await
    }

    pub(crate) async fn verify(&self, issued: &TokenWithSecret) -> Principal {
        let verified = self.all.tokens.verify(issued.secret.expose()).await;
        verified.expect("live")
    }

    pub(crate) async fn pat(&self, name: &str, expires: Expiry) -> TokenWithSecret {
        let request = NewToken::new(
            TokenName::parse(name).expect("a name"),
            Scope::ReadWrite,
            expires,
        );
        let issued = self.all.tokens.create(&self.person, request, context());
        issued.await.expect("a token")
    }

    pub(crate) async fn task(&self, title: &str) -> WorkItem {
        let made = self
            .all
            .work_items
            .create(&self.person, task(title), context());
        made.await.expect("made")
    }
}

pub(crate) fn task(title: &str) -> NewWorkItem {
    NewWorkItem {
        place: Placement::Domain("OPS".parse().expect("a key"), TopKind::Task),
        title: Title::parse(title).expect("a title"),
        description: Description::default(),
        priority: Priority::Medium,
        target: ExecutionTarget::Either,
        assignee: None,
    }
}

pub(crate) fn agent(id: &str) -> AgentId {
    AgentId::parse(id).expect("an id")
}

pub(crate) fn context() -> &'static RequestContext {
    static NONE: RequestContext = RequestContext {
        request_id: None,
        client_address: None,
        form: None,
    };
    &NONE
}
