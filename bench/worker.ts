import type { Env } from '../src/config.ts'
import worker, { AccountObject as Account } from '../src/worker.ts'

const heap: number[][] = []

/**
 * The Worker that is measured, as it is deployed, and four more routes: one reports what SQLite wrote and the newest pack,
 * one resets the write limits (a benchmark makes more records than an account may in an hour), one imports more than the
 * 100 MB that a request may have, and one fills the heap.
 */
export { PasswordObject } from '../src/passwordObject.ts'

export class AccountObject extends Account {
  override async fetch(request: Request): Promise<Response> {
    const { sql, imports, signingKey } = this.account
    const url = new URL(request.url)
    switch (url.pathname) {
      case '/bench/sql':
        return Response.json({
          written: sql.written,
          databaseSize: sql.databaseSize,
          pack: sql.first('SELECT max(id) AS id FROM pack')?.['id'] ?? 0,
        })
      case '/bench/limits':
        // The account's mark of its password is no limit: without it every app would be signed out at the next start.
        sql.run("DELETE FROM rate WHERE key <> 'password-mark'")
        return new Response()
      case '/bench/heap':
        // Numbers in arrays are in the JavaScript heap, unlike the bytes of buffers.
        for (let n = 0; n < Number(url.searchParams.get('mb')); n++) heap.push(Array(131_072).fill(n + 0.5))
        return new Response()
      case '/bench/import':
        if (request.body) await imports.car(request.body, { signingKey: signingKey.did })
        return new Response()
      default: {
        const before = sql.written
        const answer = await super.fetch(request)
        // Sent with the answer, because workerd evicts an idle object and the next request may reach another one.
        if (request.method === 'POST') answer.headers.set('bench-rows-written', String(sql.written - before))
        return answer
      }
    }
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (new URL(request.url).pathname.startsWith('/bench/'))
      return env.ACCOUNT.getByName(env.DID ?? '').fetch(request)
    return worker.fetch(request, env)
  },
} satisfies ExportedHandler<Env>
