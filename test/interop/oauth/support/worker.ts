import worker from '../../../../src/worker.ts'
import type { Env } from '../../../../src/config.ts'
import { shiftClock } from './shiftClock.ts'

/** The Worker as it is, and one more route, which moves its clock: that of its object too, which runs in the same isolate. */
export * from '../../../../src/worker.ts'

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url)
    if (url.pathname !== '/test/clock') {
      // A Worker is given the address that was called: where the server has a public name, https ends before it.
      if (env.HOSTNAME?.endsWith('.oauth-interop.org')) url.protocol = 'https:'
      return worker.fetch(new Request(url, request), env)
    }
    shiftClock(Number(url.searchParams.get('ms')))
    return new Response()
  },
} satisfies ExportedHandler<Env>
