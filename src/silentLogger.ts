const silent = (): void => {}

/**
 * In place of `@atproto/common` in the Worker's bundle (`[alias]` in wrangler.toml). All that reaches the bundle of
 * that package is the logger of `@atproto/repo`, which is off unless `LOG_ENABLED` is set, and which would bring the
 * logging library pino with it: 5.3 KB gzip. A package that imports anything else of it fails to bundle.
 */
export const subsystemLogger = () => ({
  trace: silent,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
  fatal: silent,
})
