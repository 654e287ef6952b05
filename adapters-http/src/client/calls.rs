/// Defines methods of the client, inside its `impl`, that send one request with the token:
/// `name(arguments) -> Result = METHOD "path"`, then `?` and the types of the query, or a comma and
/// the body. Without a result, the response must be an empty 204.
macro_rules! calls {
    ($(
        $(#[$doc:meta])*
        $name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)?
            = $method:ident $path:literal $(? $($query:ident)+)? $(, $body:ident)?;
    )+) => {
        $(
            $(#[$doc])*
            pub fn $name(
                &self,
                $($arg: $type),*
            ) -> Result<calls!(@result $($result)?), ClientError> {
                let call = self.0.call(Method::$method, format!($path));
                let call = call$($(.query($query))+)?$(.body($body))?;
                calls!(@send call $($result)?)
            }
        )+
    };
    (@result $result:ty) => { $result };
    (@result) => { () };
    (@send $call:ident $result:ty) => { $call.read() };
    (@send $call:ident) => { $call.confirm(204) };
}
pub(super) use calls;
