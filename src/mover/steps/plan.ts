import { PDS_ID } from '../../plc/build.ts'
import { keyHistory, type KeyEvidence } from '../../plc/keyRoles.ts'
import type { PlcData } from '../../plc/types.ts'
import { type MovePlan, planMove } from '../identity/planMove.ts'
import { keyQuestion } from '../identity/preview.ts'
import { headOf, type Move } from '../move.ts'

/** Why the steps up to the PLC operation have nothing to do. */
export const ROTATED = 'the DID names the new server already'

/** What the target recommends, with the account's handle there as the first name. */
export const wantedData = async ({ target, facts }: Move): Promise<PlcData> => {
  const wanted = await target.recommended()
  const { handle } = facts
  if (handle === undefined) return wanted
  return { ...wanted, alsoKnownAs: [...new Set([`at://${handle}`, ...wanted.alsoKnownAs])] }
}

const askAboutKeys = async (move: Move, plan: MovePlan, before: PlcData): Promise<Partial<KeyEvidence>> => {
  const { who, owner } = move
  const mine: string[] = []
  const notMine: string[] = []
  for (const { key, role } of plan.roles) {
    if (role !== 'unknown' || !before.rotationKeys.includes(key)) continue
    const text = keyQuestion(key, who.log ? keyHistory(who.log, key) : undefined)
    const answer = await owner.answer('rotationKey', { key, text })
    if (answer === 'mine') mine.push(key)
    if (answer === 'notMine') notMine.push(key)
  }
  return { owner: mine, notOwner: notMine }
}

const makePlan = async (move: Move): Promise<MovePlan> => {
  const { source, options } = move
  const head = await headOf(move)
  const wanted = await wantedData(move)
  const named = await source.namedKeys()
  const evidence: Omit<KeyEvidence, 'target'> = {
    owner: [...(options.ownerKeys ?? []), ...((await source.ownerKeys?.()) ?? [])],
    source: {
      ...(named ? { named } : {}),
      ...(named ? {} : { signingKey: head.data.verificationMethods['atproto'] }),
    },
  }
  const plan = planMove({ head, wanted, evidence })
  const answers = await askAboutKeys(move, plan, head.data)
  return planMove({
    head,
    wanted,
    evidence: {
      ...evidence,
      owner: [...(evidence.owner ?? []), ...(answers.owner ?? [])],
      notOwner: answers.notOwner ?? [],
    },
  })
}

/** The operation that moves the DID, made once in a run: it is what is shown, sent and compared. */
export const needPlan = async (move: Move): Promise<MovePlan> => (move.facts.plan ??= await makePlan(move))

/** Whether a server's host serves the document of this did:web. */
const isDidOf = (origin: string, did: string): boolean =>
  did.toLowerCase() === `did:web:${new URL(origin).host.replace(':', '%3A')}`.toLowerCase()

/** What a did:web's document must say, as advice to its owner: nobody else can change it. */
export const didWebAdvice = async ({ source, target, who }: Move): Promise<string> => {
  const { verificationMethods, services } = await target.recommended()
  if (source.kind === 'cirrus' && source.origin !== undefined && isDidOf(source.origin, who.did))
    return `on ${source.origin} run \`pds did-web-move --to ${services[PDS_ID]?.endpoint ?? target.origin} --signing-key ${verificationMethods['atproto'] ?? '?'}\`, then this command again`
  return `in its did.json set serviceEndpoint of #atproto_pds to ${services[PDS_ID]?.endpoint ?? '?'} and publicKeyMultibase of #atproto to ${(verificationMethods['atproto'] ?? '').replace('did:key:', '')}, then run the command again`
}
