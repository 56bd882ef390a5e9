declare const __FAULTS__: boolean

/** Every durable step by name. The fault tests fail each of them, once and every time. */
export const FAULT_POINTS = [
  'commit.beforeTransaction',
  'commit.afterBlocks',
  'commit.afterRecords',
  'commit.afterEvent',
  'commit.afterTransaction',
  'event.beforeBroadcast',
  'import.afterStaged',
  'import.afterVerified',
  'import.afterBlocks',
  'import.afterSwitch',
  'pull.afterBegun',
  'pull.afterAnswer',
  'pull.afterPart',
  'pull.afterReceived',
  'pull.afterDone',
  'repack.beforeSwitch',
  'repack.afterSwitch',
  'removalLog.afterRow',
  'blob.afterPut',
  'blob.afterRow',
  'mint.afterJournal',
  'sign.beforeLedger',
  'sign.afterLedger',
  'change.afterLedger',
  'change.afterSubmit',
  'change.afterStored',
  'changeKey.beforeTransaction',
  'changeKey.afterKey',
  'changeKey.afterTransaction',
  'fence.afterState',
  'retention.afterState',
  'didWeb.afterStored',
  'deactivate.afterState',
  'deactivate.afterEvent',
  'delete.afterState',
  'delete.afterEvent',
  'backup.afterRepo',
  'backup.afterManifest',
  'backup.afterJournal',
  'oauth.afterRequest',
  'oauth.afterApproval',
  'oauth.afterExchange',
  'oauth.afterRefresh',
  'oauth.afterEnd',
] as const

export type FaultPoint = (typeof FAULT_POINTS)[number]

let hook: ((name: FaultPoint) => void) | undefined

/** Tests only: call `hit` at each named step; a throw there is the fault. `undefined` disarms. */
export const onFault = (hit: ((name: FaultPoint) => void) | undefined): void => {
  hook = hit
}

/** Marks a durable step. The `__FAULTS__` define in wrangler.toml removes it from the bundle. */
export const fault = (name: FaultPoint): void => {
  if (typeof __FAULTS__ !== 'undefined' && __FAULTS__) hook?.(name)
}
