import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "happy-dom",
    setupFiles: ["test/support/svg-style.ts"],
    include: ["test/**/*.test.ts"],
    css: false,
    testTimeout: 30_000,
  },
});
