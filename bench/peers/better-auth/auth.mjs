// Shared by both programs: better-auth with its API-key plugin, configured for speed as its
// documentation allows.
import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import pg from "pg";

export const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  // The worker has as many connections as an oi-server.
  max: 10,
});

export const auth = betterAuth({
  database: pool,
  secret: "only-for-benchmarks-only-for-benchmarks",
  baseURL: "http://127.0.0.1",
  telemetry: { enabled: false },
  logger: { level: "error" },
  rateLimit: { enabled: false },
  emailAndPassword: { enabled: false },
  advanced: { backgroundTasks: { handler: (work) => void work } },
  plugins: [
    apiKey({
      enableSessionForAPIKeys: true,
      // Cleanup runs in the background.
      deferUpdates: true,
      customAPIKeyGetter: ({ headers }) => {
        const value = headers?.get("authorization");
        return value?.startsWith("Bearer ") ? value.slice(7) : null;
      },
    }),
  ],
});
