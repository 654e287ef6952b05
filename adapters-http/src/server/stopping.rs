use tokio::sync::watch;

/// Says when the server stops: set as an extension of each request by the accept loop.
/// A request whose body has not arrived by then is ended; one that is complete goes on.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// What resolves once the channel's value is `true`.
    #[must_use]
    pub const fn new(stopping: watch::Receiver<bool>) -> Self {
        Self(stopping)
    }

    /// Resolves when the server stops; never if the sender is gone.
    pub async fn begun(mut self) {
        if self.0.wait_for(|stopping| *stopping).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
