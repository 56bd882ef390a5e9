import type { Env } from '../src/config.ts'
import worker, { AccountObject as Account } from '../src/worker.ts'

/**
 * The Worker that is measured, as it is deployed, and three more routes: one reports what SQLite wrote, one resets the
 * write limits (a benchmark makes more records than an account may in an hour), and one imports more than the 100 MB
 * that a request may have.
 */
export class AccountObject extends Account {
  override async fetch(request: Request): Promise<Response> {
    const { sql, imports, signingKey } = this.account
    switch (new URL(request.url).pathname) {
      case '/bench/sql':
        return Response.json({ written: sql.written, databaseSize: sql.databaseSize })
      case '/bench/limits':
        sql.run('DELETE FROM rate')
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
