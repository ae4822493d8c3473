//! Temporary.
use wire::*;
/// x
pub struct Calls;
impl Calls {
    /// x
    pub fn start() -> Self { Self }
    /// x
    pub async fn authority_changed(&self, _: &OrganizationId, _: &UserId) {}
    /// x
    pub async fn plan_changed(&self, _: &OrganizationId, _: Plan) {}
    /// x
    pub async fn stop(&self) {}
}
