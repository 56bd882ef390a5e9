import { join } from 'node:path'

import { defineConfig } from 'vitest/config'

/** `npm run test:nightly`: what takes minutes, one test after the other, each on what the one before it left. */
export default defineConfig({
  root: join(import.meta.dirname, '..'),
  test: {
    name: 'nightly',
    include: ['nightly/*.test.ts'],
    globalSetup: ['support/installed.ts'],
    bail: 1,
    maxWorkers: 1,
    testTimeout: 900_000,
    hookTimeout: 900_000,
    // The table of figures, as it is.
    disableConsoleIntercept: true,
  },
})
