import { mkdir, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { adminPassword, findProject, locateServer } from '../../src/cli/project/config.ts'
import { editDevVars, parseDevVars } from '../../src/cli/project/devVars.ts'
import { CliError } from '../../src/cli/errors.ts'
import { editVars, readWranglerToml } from '../../src/cli/project/wranglerToml.ts'
import { folder } from './support.ts'

const TOML = `# my Cirrus
name = "cirrus" # the Worker

[vars]
DID = "" # filled in by pds init
# keep me
HOSTNAME = 'old.example.com'

[[r2_buckets]]
binding = "BLOBS"
bucket_name = "my-blobs"
`

const codeOf = (work: () => unknown): string => {
  try {
    work()
    return 'none'
  } catch (cause) {
    return cause instanceof CliError ? cause.code : String(cause)
  }
}

describe('wrangler.toml', () => {
  it('is edited line by line: comments, order and the quotes of other values stay', () => {
    expect(
      editVars(TOML, { DID: 'did:plc:x', HOSTNAME: 'new.example.com', HANDLE: 'a"b' }, 'wrangler.toml'),
    ).toBe(
      TOML.replace('DID = ""', 'DID = "did:plc:x"')
        .replace("'old.example.com'", '"new.example.com"')
        .replace('"new.example.com"\n', '"new.example.com"\nHANDLE = "a\\"b"\n'),
    )
  })

  it('gets a [vars] table if it has none, and a second edit changes nothing', () => {
    const once = editVars('name = "x"\n', { DID: 'did:web:x.example' }, 'wrangler.toml')
    expect(once).toBe('name = "x"\n\n[vars]\nDID = "did:web:x.example"\n')
    expect(editVars(once, { DID: 'did:web:x.example' }, 'wrangler.toml')).toBe(once)
  })

  it('is refused and not written if it is not understood', () => {
    expect(codeOf(() => editVars('[vars\n', { DID: 'x' }, 'wrangler.toml'))).toBe('bad-config')
    expect(codeOf(() => editVars('vars = { DID = "" }\n', { DID: 'x' }, 'wrangler.toml'))).toBe('bad-config')
  })

  it('names the Worker and the bucket', () => {
    expect(readWranglerToml(TOML, 'wrangler.toml')).toMatchObject({ worker: 'cirrus', bucket: 'my-blobs' })
  })
})

describe('.dev.vars', () => {
  it('keeps unknown lines, and the dollar signs of a password hash', () => {
    const text = '# mine\nOTHER="x y" # why\nPASSWORD_HASH=old\n'
    const edited = editDevVars(text, { PASSWORD_HASH: 'scrypt$16384$8$5$ab$cd', ADMIN_PASSWORD: 'a-b_c' })
    expect(edited).toBe(
      `# mine\nOTHER="x y" # why\nPASSWORD_HASH='scrypt$16384$8$5$ab$cd'\nADMIN_PASSWORD=a-b_c\n`,
    )
    expect(parseDevVars(edited)).toEqual({
      OTHER: 'x y',
      PASSWORD_HASH: 'scrypt$16384$8$5$ab$cd',
      ADMIN_PASSWORD: 'a-b_c',
    })
  })
})

describe('the server', () => {
  const project = async (toml = TOML, devVars = 'ADMIN_PASSWORD=kept\n') => {
    const root = await folder()
    await writeFile(root.in('wrangler.toml'), toml)
    await writeFile(root.in('.dev.vars'), devVars)
    await mkdir(root.in('deep/down'), { recursive: true })
    const found = await findProject({ searchFolders: [root.in('deep/down')] })
    return { found, root }
  }

  it('is HOSTNAME of the nearest wrangler.toml, or --host, or the local server with --dev', async () => {
    const { found, root } = await project()
    await using _ = root
    expect(locateServer(found, { dev: false })).toMatchObject({
      origin: 'https://old.example.com',
      isProjectServer: true,
      dev: false,
    })
    expect(locateServer(found, { dev: false, host: 'x.example.com' })).toMatchObject({
      origin: 'https://x.example.com',
      isProjectServer: false,
    })
    const env = { PLC_DIRECTORY_URL: 'https://plc.example' }
    const host = 'x.example.com'
    expect(locateServer(undefined, { dev: false, host }, false, env)).toMatchObject({
      plcUrl: 'https://plc.example',
    })
    expect(locateServer(found, { dev: true })).toMatchObject({ origin: 'http://localhost:8787', dev: true })
    expect(codeOf(() => locateServer(found, { dev: true, host: 'x.example.com' }))).toBe('usage')
    expect(codeOf(() => locateServer(found, { dev: false, host: 'http://x.example.com' }))).toBe('usage')
    expect(codeOf(() => locateServer(undefined, { dev: false }))).toBe('no-project')
    expect(() => locateServer(undefined, { dev: false }, true)).toThrow(
      expect.objectContaining({ next: expect.stringContaining('--identifier <handle>') }),
    )
  })

  it('is with --dev the running development server, which has written down its address', async () => {
    const { root } = await project()
    await using _ = root
    await mkdir(root.in('.wrangler/dev'), { recursive: true })
    const about = {
      url: 'http://localhost:9999',
      plcUrl: 'http://localhost:9998',
      did: 'did:plc:x',
      handle: 'a.test',
      pid: 1,
    }
    await writeFile(root.in('.wrangler/dev/running.json'), JSON.stringify(about))
    await writeFile(root.in('.wrangler/dev/.dev.vars'), 'ADMIN_PASSWORD=throw-away\n')
    const found = await findProject({ searchFolders: [root.path] })
    const where = locateServer(found, { dev: true })
    expect(where).toMatchObject({ origin: 'http://localhost:9999', plcUrl: 'http://localhost:9998' })
    expect(adminPassword(found, where, { ADMIN_PASSWORD: 'production' })).toBe('throw-away')
  })

  it('gets the admin password of the environment, otherwise of .dev.vars, which no other host gets', async () => {
    const { found, root } = await project()
    await using _ = root
    const own = locateServer(found, { dev: false })
    const other = locateServer(found, { dev: false, host: 'evil.example.com' })
    expect(adminPassword(found, own, { ADMIN_PASSWORD: 'given' })).toBe('given')
    expect(adminPassword(found, own, {})).toBe('kept')
    expect(adminPassword(found, other, {})).toBeUndefined()
  })
})
