use tokio::sync::watch;

/// Signals server shutdown; the accept loop sets it as an extension of each request. A request
/// whose body is incomplete at that moment fails; a complete one is handled.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Creates a signal that fires once the value of the channel is `true`.
    #[must_use]
    pub const fn new(stopping: watch::Receiver<bool>) -> Self {
        Self(stopping)
    }

    /// Resolves when the server starts shutting down; never if the sender was dropped.
    pub async fn begun(mut self) {
        if self.0.wait_for(|stopping| *stopping).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
