import { expect, it } from 'vitest'
import { inWorld } from '../handlers/support/world.ts'

it.each(['/oauth', '/oauth/', '/oauth/par/', '/oauth/introspect', '/oauth/jwks/a'])(
  'nothing is at %s, whatever the method',
  async (path) => {
    await inWorld({}, async ({ fetch }) => {
      for (const method of ['GET', 'POST', 'PUT']) expect((await fetch(path, { method })).status).toBe(404)
    })
  },
)
