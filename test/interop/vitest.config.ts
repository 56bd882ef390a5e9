import { defineConfig } from 'vitest/config'

/** `vitest run --config test/interop/vitest.config.ts`, with the main package's vitest. */
export default defineConfig({
  root: import.meta.dirname,
  test: {
    name: 'interop',
    include: ['*.test.ts', 'appview/*.test.ts', 'oauth/*.test.ts'],
    globalSetup: ['support/installed.ts'],
    // Each file boots servers of its own, and a sign-in costs the reference 0.4 s of processor time.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 100_000 } },
  },
})
