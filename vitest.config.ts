import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { deployment } from './test/support/deployment.ts'

const { bindings } = await deployment()

/** These end what hangs, and are no measure of speed: a slow or busy machine passes as well. */
const watchdog = { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 100_000 } } }

/**
 * Two kinds of tests: `*.test.ts` runs in Node, `*.worker.test.ts` inside workerd, in the same isolate as the Worker and
 * its Durable Object.
 *
 * Two runs: `npm test` leaves out `*.long.*`, which takes long for its size. `npm run test:long` (`--mode long`) runs
 * these, and `*.seeds.*` with many more seeds: random histories, schedules, races and inputs, of which `npm test` runs a
 * few.
 */
export default defineConfig(({ mode }) => {
  const long = mode === 'long'
  const files = (kind: string) =>
    long ? [`test/**/*.long.${kind}.ts`, `test/**/*.seeds.${kind}.ts`] : [`test/**/*.${kind}.ts`]
  const exclude = ['test/interop/**', 'node_modules/**', ...(long ? [] : ['test/**/*.long.*'])]
  const define = {
    __FAULTS__: 'true',
    __DEV__: 'true',
    __LONG__: JSON.stringify(String(long)),
    __RACES__: JSON.stringify(process.env.RACES ?? (long ? '200' : '6')),
    __SEEDS__: JSON.stringify(process.env.SEEDS ?? (long ? '1000' : '20')),
    __SEED__: JSON.stringify(process.env.SEED ?? '1'),
    __EVERYTHING__: JSON.stringify(process.env.EVERYTHING ?? ''),
    __FIXTURE__: JSON.stringify(process.env.FIXTURE === '1'),
  }
  return {
    test: {
      maxWorkers: '100%',
      projects: [
        {
          define,
          test: {
            ...watchdog,
            name: 'node',
            include: files('test'),
            exclude: [...exclude, 'test/**/*.worker.test.ts'],
          },
        },
        {
          plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' }, miniflare: { bindings } })],
          define,
          test: {
            ...watchdog,
            globalSetup: ['test/support/workerdLog.ts'],
            setupFiles: ['test/support/noNetwork.ts'],
            name: 'workers',
            include: files('worker.test'),
            exclude,
          },
        },
      ],
    },
  }
})
