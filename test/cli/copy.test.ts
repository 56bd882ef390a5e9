import { open } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { sendRepo } from '../../src/cli/backup/repositoryHere.ts'
import { connect } from '../../src/client/index.ts'
import { REQUEST_LIMIT_BYTES } from '../../src/limits.ts'
import { fake } from './fake.ts'
import { folder } from './support.ts'

const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const manifest = [{ alg: 'ES256K' }, { data: 'here', collections: {}, blobs: {} }].map(base64).join('.')
const FACTS = {
  root: 'r',
  rev: '',
  data: 'coming',
  blocks: 1,
  records: 0,
  collections: {},
  blobs: new Set<string>(),
}

it('does not send a repository that is larger than a request may be', async () => {
  await using here = await folder()
  const server = fake({
    'com.cirrus.admin.getManifest': { manifest: `${manifest}.${base64({})}` },
    'com.atproto.repo.importRepo': {},
  })
  const client = connect('https://here.example.com', { fetch: server.fetch, token: 'any' })
  const car = here.in('repo.car')
  const send = async (size: number): Promise<boolean> => {
    const file = await open(car, 'w')
    await file.truncate(size)
    await file.close()
    return sendRepo(client, client, car, FACTS)
  }
  await expect(send(REQUEST_LIMIT_BYTES + 1)).rejects.toMatchObject({
    code: 'import-too-large',
    message: expect.stringContaining('100.0 MB'),
  })
  expect(server.calls.map(({ method }) => method)).toEqual(['com.cirrus.admin.getManifest'])
  expect(await send(REQUEST_LIMIT_BYTES)).toBe(true)
})
