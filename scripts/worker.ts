/**
 * Part of `npm run build`: the Worker as the module `cirrus-pds/worker`, bundled with all that it imports. A deployment
 * needs nothing but this package and wrangler, which minifies it.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { bundleWorker } from '../dev/bundle.ts'

const declaration = `/** The Worker: answers CORS, the well-known documents and the probes; forwards the rest to the account's object. */
declare const worker: { fetch(request: Request, env: never): Promise<Response> };
export default worker;
/** The account's Durable Object: binding \`ACCOUNT\`. */
export declare class AccountObject {
  constructor(ctx: never, env: never);
  fetch(request: Request): Promise<Response>;
}
/** Checks passwords, away from the account: binding \`PASSWORDS\`. */
export declare class PasswordObject {
  constructor(ctx: never, env: never);
  matches(password: string, stored: string): Promise<boolean>;
}
`

// wrangler bundles it again, and keeps the names itself.
const { code } = await bundleWorker({ define: { __DEV__: 'false' }, keepNames: false })
mkdirSync('dist/worker', { recursive: true })
writeFileSync('dist/worker/index.js', code)
writeFileSync('dist/worker/index.d.ts', declaration)
console.log(`dist/worker/index.js: ${Math.round(code.length / 1024)} KiB`)
