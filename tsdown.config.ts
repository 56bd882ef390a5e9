import { builtinModules } from 'node:module'
import { defineConfig } from 'tsdown'

/** The published client, and the engine that moves accounts, which shares it. The rest of the package runs from source or is documents. */
export default defineConfig({
  entry: {
    'client/index': 'src/client/index.ts',
    'client/import': 'src/client/import.ts',
    'client/subscribe': 'src/client/subscribe.ts',
    'mover/index': 'src/mover/index.ts',
  },
  tsconfig: 'tsconfig.build.json',
  outDir: 'dist',
  format: 'esm',
  platform: 'neutral',
  // The mover runs in Node, and has its packages bundled. Types lead to the Worker's platform.
  deps: { neverBundle: [/^node:/, 'cloudflare:workers', ...builtinModules] },
  inputOptions: { resolve: { mainFields: ['module', 'main'] } },
  target: 'es2022',
  dts: true,
  clean: true,
  fixedExtension: false,
})
