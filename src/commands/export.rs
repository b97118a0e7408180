//! stub
/// x
pub enum ExportFormat {
    /// x
    Mask,
    /// x
    Claude,
    /// x
    Fabric,
    /// x
    Tldr,
    /// x
    Native,
}
/// x
pub struct Exported {
    /// x
    pub text: String,
    /// x
    pub lost: Vec<String>,
}
/// x
pub fn export(_c: &crate::commands::model::Command, _f: ExportFormat) -> crate::kernel::error::Result<Exported> {
    Ok(Exported { text: String::new(), lost: vec![] })
}
