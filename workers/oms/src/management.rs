//! RabbitMQ's management API: users, permissions, and what AMQP does not show. Used by `oms topology`, `oms check` and the
//! gauges of a process that runs lifecycle.

use std::time::Duration;

use messages::topology::Permission;
use reqwest::{Client, Method, Response, Url};
use serde_json::{Value, json};

pub(crate) struct Management {
    client: Client,
    base: Url,
    user: String,
    password: String,
    vhost: String,
}

impl Management {
    /// # Errors
    /// The address is not readable.
    pub(crate) fn new(url: &str, vhost: &str) -> Result<Self, String> {
        let wrong = || {
            "OMS_RABBITMQ_MANAGEMENT_URL is not readable; it looks like http://user:password@host:15672"
                .to_owned()
        };
        let mut base = Url::parse(url).map_err(|_| wrong())?;
        let (user, password) = (base.username().to_owned(), base.password().unwrap_or_default().to_owned());
        base.set_username("").map_err(|()| wrong())?;
        base.set_password(None).map_err(|()| wrong())?;
        let client =
            Client::builder().timeout(Duration::from_secs(20)).build().map_err(|error| error.to_string())?;
        Ok(Self { client, base, user, password, vhost: vhost.to_owned() })
    }

    async fn call(&self, method: Method, path: &[&str], body: Option<Value>) -> Result<Response, String> {
        let mut url = self.base.clone();
        // Segments are escaped one by one: the vhost is often `/`.
        url.path_segments_mut()
            .map_err(|()| "OMS_RABBITMQ_MANAGEMENT_URL is not a base address".to_owned())?
            .pop_if_empty()
            .push("api")
            .extend(path);
        let mut request = self.client.request(method, url).basic_auth(&self.user, Some(&self.password));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let at = format!("the management API at {}", self.base.host_str().unwrap_or_default());
        let response =
            request.send().await.map_err(|error| format!("{at} does not answer: {}", error.without_url()))?;
        match response.status().as_u16() {
            200..=299 => Ok(response),
            401 => Err(format!("{at} refuses the login of OMS_RABBITMQ_MANAGEMENT_URL")),
            code => Err(format!("{at} answered {code} to /{}", path.join("/"))),
        }
    }

    /// Makes a user, or sets its password.
    pub(crate) async fn put_user(&self, name: &str, password: &str) -> Result<(), String> {
        self.call(Method::PUT, &["users", name], Some(json!({ "password": password, "tags": "" })))
            .await
            .map(|_| ())
    }

    pub(crate) async fn put_permission(&self, permission: &Permission) -> Result<(), String> {
        let body =
            json!({ "configure": permission.configure, "write": permission.write, "read": permission.read });
        self.call(Method::PUT, &["permissions", &self.vhost, &permission.user], Some(body)).await?;
        for (exchange, write) in &permission.topics {
            let body = json!({ "exchange": exchange, "write": write, "read": ".*" });
            self.call(Method::PUT, &["topic-permissions", &self.vhost, &permission.user], Some(body)).await?;
        }
        Ok(())
    }

    async fn list(&self, path: &[&str]) -> Result<Vec<Value>, String> {
        self.call(Method::GET, path, None)
            .await?
            .json()
            .await
            .map_err(|error| error.without_url().to_string())
    }

    pub(crate) async fn users(&self) -> Result<Vec<String>, String> {
        Ok(self
            .list(&["users"])
            .await?
            .iter()
            .filter_map(|user| user["name"].as_str().map(str::to_owned))
            .collect())
    }

    pub(crate) async fn queues(&self) -> Result<Vec<Value>, String> {
        self.list(&["queues", &self.vhost]).await
    }

    /// How many nodes the cluster has, running or not.
    pub(crate) async fn nodes(&self) -> Result<usize, String> {
        Ok(self.list(&["nodes"]).await?.len())
    }

    pub(crate) async fn bindings(&self) -> Result<Vec<Value>, String> {
        self.list(&["bindings", &self.vhost]).await
    }

    pub(crate) async fn permissions(&self) -> Result<Vec<Value>, String> {
        self.list(&["vhosts", &self.vhost, "permissions"]).await
    }
}
