use crate::store::Damaged;

/// An audit event as stored, if it cannot be decoded, for example because a newer version wrote its
/// action. It is displayed undecoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawEvent {
    /// The event's id.
    pub id: String,
    /// When it happened.
    pub at: String,
    /// The kind of the actor.
    pub actor: String,
    /// The actor's user.
    pub actor_user: Option<String>,
    /// The token or session that the actor used.
    pub actor_credential: Option<String>,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// What else was involved.
    pub related: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// The client address of the request.
    pub client_address: Option<String>,
}

impl RawEvent {
    /// The names in [`Damaged::raw`] that an event is read from, besides `id` and `at`.
    pub const COLUMNS: [&'static str; 9] = [
        "actor",
        "actor_user",
        "actor_token",
        "actor_session",
        "action",
        "subject",
        "related",
        "request_id",
        "client_address",
    ];

    /// Returns the event in a damaged row; `None` if the row is none.
    #[must_use]
    pub fn of(row: &Damaged) -> Option<Self> {
        let text = |column| row.raw.get(column).cloned();
        Some(Self {
            id: text("id")?,
            at: text("at")?,
            actor: text("actor").unwrap_or_default(),
            actor_user: text("actor_user"),
            actor_credential: text("actor_token").or_else(|| text("actor_session")),
            action: text("action").unwrap_or_default(),
            subject: text("subject").unwrap_or_default(),
            related: text("related"),
            request_id: text("request_id"),
            client_address: text("client_address"),
        })
    }
}
