// `PORT=… node serve.mjs`: GET /me returns the user of the API key. One worker per core.
import cluster from "node:cluster";
import http from "node:http";
import os from "node:os";

if (cluster.isPrimary) {
  for (let worker = 0; worker < os.availableParallelism(); worker += 1) cluster.fork();
  process.on("SIGTERM", () => process.exit(0));
} else {
  const { auth } = await import("./auth.mjs");
  const answer = (response, status, value) => {
    const body = JSON.stringify(value);
    response.writeHead(status, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-store",
    });
    response.end(body);
  };
  const server = http.createServer(async (request, response) => {
    if (request.url !== "/me") return answer(response, 404, {});
    try {
      const headers = new Headers({ authorization: request.headers.authorization ?? "" });
      const found = await auth.api.getSession({ headers });
      if (!found) return answer(response, 401, { error: "unauthorized" });
      const { id, email, name } = found.user;
      return answer(response, 200, { user: { id, email, name }, key: { id: found.session.id } });
    } catch (error) {
      return answer(response, error.statusCode ?? 500, { error: error.message });
    }
  });
  server.keepAliveTimeout = 75_000;
  server.listen({ port: Number(process.env.PORT), host: "127.0.0.1", backlog: 4096 });
}
