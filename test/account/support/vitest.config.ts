import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** The storage tests on a bare object: `vitest run --config test/account/support/vitest.config.ts`. */
export default defineConfig({
  plugins: [cloudflareTest({ wrangler: { configPath: './test/account/support/wrangler.toml' } })],
  define: { __FAULTS__: 'true', __DEV__: 'true', __RACES__: process.env.RACES ?? '20' },
  test: { include: ['test/account/**/*.worker.test.ts'] },
})
