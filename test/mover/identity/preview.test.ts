import { describe, expect, it } from 'vitest'
import { keyQuestion, previewOperation, type PreviewLine } from '../../../src/mover/identity/preview.ts'
import { keyRoles, type KeyEvidence } from '../../../src/plc/keyRoles.ts'
import type { PlcData } from '../../../src/plc/types.ts'

const pds = (endpoint: string) => ({ atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint } })
const data = (rotationKeys: string[], change: Partial<PlcData> = {}): PlcData => ({
  rotationKeys,
  alsoKnownAs: ['at://alice.example.com'],
  verificationMethods: { atproto: 'did:key:zOldSigning' },
  services: pds('https://old.example.com'),
  ...change,
})
const evidence: KeyEvidence = {
  owner: ['did:key:zMine'],
  source: { named: ['did:key:zSource'] },
  target: { named: ['did:key:zTarget'] },
}
const show = (before: PlcData, after: PlcData): PreviewLine[] =>
  previewOperation({
    before,
    after,
    roles: keyRoles([...before.rotationKeys, ...after.rotationKeys], evidence),
  })
const text = (lines: PreviewLine[]) => lines.map((line) => `${line.kind.padEnd(7)} ${line.text}`).join('\n')
const warnings = (before: string[], after: string[]) =>
  show(data(before), data(after))
    .filter(({ kind }) => kind === 'warning')
    .map((line) => line.text)

describe('the preview of an operation', () => {
  it('shows the whole DID before and after it, with keys by their roles', () => {
    const labeler = { atproto_labeler: { type: 'AtprotoLabeler', endpoint: 'https://label.example.com' } }
    const before = data(['did:key:zMine', 'did:key:zSource'], {
      services: { ...pds('https://old.example.com'), ...labeler },
      verificationMethods: { atproto: 'did:key:zOldSigning', atproto_label: 'did:key:zLabel' },
    })
    const after = {
      ...data(['did:key:zMine', 'did:key:zTarget']),
      alsoKnownAs: ['at://alice.new.example', 'at://alice.example.com'],
      services: { ...pds('https://new.example.com'), ...labeler },
      verificationMethods: { atproto: 'did:key:zNewSigning', atproto_label: 'did:key:zLabel' },
    }
    expect(text(show(before, after))).toMatchInlineSnapshot(`
      "dropped rotation key 2: did:key:zSource (the old server’s)
      kept    rotation key 1: did:key:zMine (your recovery key)
      added   rotation key 2: did:key:zTarget (the new server’s)
      dropped PDS https://old.example.com
      added   PDS https://new.example.com
      kept    service atproto_labeler https://label.example.com (AtprotoLabeler)
      dropped signing key did:key:zOldSigning
      added   signing key did:key:zNewSigning
      kept    verification method atproto_label did:key:zLabel
      added   name at://alice.new.example
      kept    name at://alice.example.com"
    `)
  })

  it('warns of a key above the new server’s that is not the owner’s: it can take the DID', () => {
    expect(warnings(['did:key:zOther', 'did:key:zSource'], ['did:key:zOther', 'did:key:zTarget'])).toEqual([
      'rotation key did:key:zOther (nobody knows whose) stays above the new server’s key: anyone who has it can take the DID, and undo within 72 hours what the new server’s key signs',
      'no recovery key of yours is above the old server’s key: this operation cannot be undone',
      'no recovery key of yours is above the new server’s key: you could not undo what it signs',
    ])
  })

  it('warns of a key of the old server below the new one’s', () => {
    expect(
      warnings(['did:key:zMine', 'did:key:zSource'], ['did:key:zMine', 'did:key:zTarget', 'did:key:zSource']),
    ).toEqual([
      'rotation key did:key:zSource (the old server’s) stays: anyone who has it can change the DID until an operation drops it',
    ])
  })

  it('warns if the recovery key is below the old server’s, so that it cannot undo the move', () => {
    expect(warnings(['did:key:zSource', 'did:key:zMine'], ['did:key:zMine', 'did:key:zTarget'])).toEqual([
      'no recovery key of yours is above the old server’s key: this operation cannot be undone',
    ])
  })

  it('warns before the recovery key, or one of which nothing is known, is dropped', () => {
    const dropped = warnings(['did:key:zMine', 'did:key:zOther', 'did:key:zSource'], ['did:key:zTarget'])
    expect(dropped[0]).toContain('zMine (your recovery key) would be dropped')
    expect(dropped[1]).toContain('zOther (nobody knows whose) would be dropped. If it is yours, do not agree')
  })

  it('is not fooled by line breaks in what the DID says', () => {
    const before = data(['did:key:zMine'], { alsoKnownAs: ['at://a\n+ rotation key did:key:zEvil'] })
    expect(text(show(before, before)).split('\n')).toHaveLength(show(before, before).length)
  })
})

describe('the question about a key of which nothing is known', () => {
  it('says what the log shows of it', () => {
    const createdAt = Date.UTC(2024, 2, 1)
    expect(keyQuestion('did:key:zX', { since: Date.UTC(2023, 0, 5), signed: [{ createdAt }] as never })).toBe(
      'Is the rotation key did:key:zX yours? The DID has had it since 2023-01-05; it signed one operation, last on 2024-03-01. A key that is not yours is dropped.',
    )
    expect(keyQuestion('did:key:zX', undefined)).toBe(
      'Is the rotation key did:key:zX yours? A key that is not yours is dropped.',
    )
  })
})
