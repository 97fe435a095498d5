//! `/metrics` (Prometheus), `/health/live` and `/health/ready` on a port of their own, plain HTTP, for the machine itself.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Says whether this node takes work.
pub type Readiness = Arc<dyn Fn() -> bool + Send + Sync>;

/// Refreshes gauges before they are read.
pub type Refresh = Arc<dyn Fn() + Send + Sync>;

/// Serves until `stop`.
pub async fn run(listener: TcpListener, handle: PrometheusHandle, ready: Readiness, refresh: Refresh, stop: CancellationToken) {
    let router = Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route(
            "/health/ready",
            get(move || {
                std::future::ready(if ready() { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") })
            }),
        )
        .route(
            "/metrics",
            get(move || {
                refresh();
                std::future::ready(handle.render())
            }),
        );
    let _ = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
}
