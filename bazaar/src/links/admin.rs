//! Changes of a group's members over gRPC: what the process answers, and how it is asked.

use std::sync::Arc;

use replication::contract::{MemberChange, MemberError};
use tokio::time::timeout;
use tonic::{Request, Response, Status};
use wire::admin::decode_reply;
use wire::v1;
use wire::v1::admin_client::AdminClient;
use wire::v1::admin_server::Admin;

use super::dial::{endpoint, reason};
use super::inspect::{InspectError, Inspector};
use super::limits::STATUS_TIMEOUT;

/// The serving end.
pub(super) struct AdminService(pub(super) Arc<dyn Inspector>);

#[tonic::async_trait]
impl Admin for AdminService {
    async fn members(
        &self,
        request: Request<v1::MemberRequest>,
    ) -> Result<Response<v1::MemberReply>, Status> {
        let change = MemberChange::try_from(request.into_inner());
        let change = change.map_err(|error| Status::invalid_argument(error.to_string()))?;
        let outcome = self.0.change_members(change).await?;
        Ok(Response::new(outcome.into()))
    }
}

/// Asks the process at this address (`host:port`) for a change. The answer says whether it was taken, not whether it is done; and
/// a change without an answer may have been taken.
pub async fn change_members(
    address: &str,
    change: MemberChange,
) -> Result<Result<(), MemberError>, InspectError> {
    let unavailable = |error: tonic::transport::Error| InspectError::Unavailable(reason(&error));
    let ask = async {
        let channel = endpoint(address).map_err(unavailable)?;
        let mut client = AdminClient::new(channel.connect().await.map_err(unavailable)?);
        let reply = client.members(v1::MemberRequest::from(change)).await?;
        Ok::<_, InspectError>(reply.into_inner())
    };
    let late = |_| InspectError::Unavailable(format!("no answer within {STATUS_TIMEOUT:?}"));
    let reply = timeout(STATUS_TIMEOUT, ask).await.map_err(late)?;
    Ok(decode_reply(reply?)?)
}
