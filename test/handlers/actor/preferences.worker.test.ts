import { describe, expect, it } from 'vitest'
import { upload } from '../support/blobs.ts'
import { inWorld } from '../support/world.ts'

describe('getPreferences', () => {
  it('gives what putPreferences put, links, bytes and blobs too', () =>
    inWorld({}, async ({ signIn }) => {
      const owner = await signIn()
      const blob = await upload(owner, 'x', 'text/plain')
      const preferences = [
        {
          $type: 'app.bsky.actor.defs#somethingNew',
          link: blob.ref,
          bytes: { $bytes: 'AAEC' },
          blob,
          list: [{ deep: blob.ref }],
        },
      ]
      await owner.app.bsky.actor.putPreferences({ preferences })
      expect(await owner.app.bsky.actor.getPreferences()).toEqual({ preferences })
    }))
})
