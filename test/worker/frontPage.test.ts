import { expect, it } from 'vitest'
import { frontPage } from '../../src/worker/frontPage.ts'

it('the addresses on the front page are those of this server, in development too', () => {
  const page = frontPage({ did: 'did:web:localhost%3A8787', origin: 'http://localhost:8787' }, 'alice.test')
  expect(page).toContain('\n  http://localhost:8787/account\n')
  expect(page.match(/\S+\/xrpc\/\S+/g)).toEqual([
    'http://localhost:8787/xrpc/com.atproto.server.describeServer',
    'http://localhost:8787/xrpc/com.atproto.repo.describeRepo?repo=did:web:localhost%3A8787',
  ])
})
