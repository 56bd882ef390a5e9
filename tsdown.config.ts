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
  target: 'es2022',
  dts: true,
  clean: true,
  fixedExtension: false,
})
