import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { parse } from 'smol-toml'
import { isObject } from '../src/isObject.ts'

export const ROOT = join(import.meta.dirname, '..')

/** The Worker as one module, bundled with the same settings as wrangler uses, in a third of a second. */
export interface Bundle {
  readonly code: string
  readonly compatibilityDate: string
}

export interface BundleOptions {
  /** The Worker's main module; by default the one of wrangler.toml. */
  readonly main?: string
  /** Override the defines of wrangler.toml, for example `{ __FAULTS__: 'true' }`. */
  readonly define?: Readonly<Record<string, string>>
  /** Whether functions keep their names, for stack traces; by default they do, unlike those of a deployed Worker. */
  readonly keepNames?: boolean
}

const made = new Map<string, Promise<Bundle>>()

/** Bundles the Worker, once for each set of options in this process. */
export const bundleWorker = (options: BundleOptions = {}): Promise<Bundle> => {
  const key = JSON.stringify([options.main, options.define, options.keepNames])
  const bundle = made.get(key) ?? bundleNow(options)
  made.set(key, bundle)
  return bundle
}

/** wrangler.toml's `[alias]`. Paths in it are relative to the root. */
const aliasOf = ({ alias }: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(isObject(alias) ? alias : {}).map(([name, target]) => [name, String(target)]),
  )

const bundleNow = async ({ main, define, keepNames = true }: BundleOptions): Promise<Bundle> => {
  const config = parse(readFileSync(join(ROOT, 'wrangler.toml'), 'utf8'))
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [main ?? String(config['main'])],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    // wrangler's own: packages with a build for workerd give that one, and Node's modules are built in.
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    external: ['node:*', 'cloudflare:*'],
    alias: aliasOf(config),
    plugins: [
      {
        name: 'node-builtins',
        setup: (on) =>
          on.onResolve(
            { filter: /^(assert|buffer|crypto|events|stream|url|util|path|zlib)$/ },
            ({ path }) => ({
              path: `node:${path}`,
              external: true,
            }),
          ),
      },
    ],
    define: {
      'process.env.NODE_ENV': '"production"',
      __FAULTS__: 'false',
      __DEV__: 'true',
      ...define,
    },
    legalComments: 'none',
    keepNames,
    logLevel: 'silent',
  })
  const code = outputFiles[0]?.text
  if (code === undefined) throw new Error('esbuild made no bundle of the Worker')
  return { code, compatibilityDate: String(config['compatibility_date']) }
}
