import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { deployment } from './test/support/deployment.ts'

const { bindings } = await deployment()

/** These end what hangs, and are no measure of speed: a slow or busy machine passes as well. */
const watchdog = { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 100_000 } } }

/**
 * Two kinds of tests: `*.test.ts` runs in Node, `*.worker.test.ts` inside workerd,
 * in the same isolate as the Worker and its Durable Object.
 */
export default defineConfig({
  test: {
    projects: [
      {
        define: { __FAULTS__: 'true', __DEV__: 'true' },
        test: {
          ...watchdog,
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.worker.test.ts', 'test/interop/**', 'node_modules/**'],
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' }, miniflare: { bindings } })],
        define: {
          __FAULTS__: 'true',
          __DEV__: 'true',
          __RACES__: JSON.stringify(process.env.RACES ?? '20'),
          __SEEDS__: JSON.stringify(process.env.SEEDS ?? '40'),
          __SEED__: JSON.stringify(process.env.SEED ?? '1'),
          __FIXTURE__: JSON.stringify(process.env.FIXTURE === '1'),
        },
        test: {
          ...watchdog,
          globalSetup: ['test/support/workerdLog.ts'],
          setupFiles: ['test/support/noNetwork.ts'],
          name: 'workers',
          include: ['test/**/*.worker.test.ts'],
        },
      },
    ],
  },
})
