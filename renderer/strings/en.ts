import { enFlows } from './en-flows.ts';

/** Every word of the window, in English. `_one` and `_other` are the two forms that `count` chooses between. */
export const en = {
  ...enFlows,
  app: { name: 'Enfold', starting: 'Opening your folders', engineDown: 'The engine stopped and is being started again. Nothing was lost.' },
  common: {
    later: 'Later', cancel: 'Cancel', close: 'Close', choose: 'Choose…', tryAgain: 'Try again', details: 'Details', copy: 'Copy', copied: 'Copied', loading: 'Reading', notKnownYet: 'not known yet',
    files_one: '{{files}} file', files_other: '{{files}} files', filesAndBytes_one: '{{files}} file, {{bytes}}', filesAndBytes_other: '{{files}} files, {{bytes}}',
  },
  rail: {
    label: 'Enfold', home: 'Home', folders: 'Folders', browse: 'Browse', keys: 'Keys', activity: 'Activity', storage: 'Storage', settings: 'Settings', find: 'Find or do', findKeys: 'Ctrl K', lock: 'Lock', lockKeys: 'Ctrl L', nothingToDo: 'Nothing to do', waiting: 'Waiting for you',
    syncing_one: '1 folder syncing', syncing_other: '{{count}} folders syncing', needYou_one: '1 needs you', needYou_other: '{{count}} need you',
  },
  state: { 'up-to-date': 'Up to date', syncing: 'Syncing', syncingPercent: 'Syncing {{percent}}\u00a0%', paused: 'Paused', 'needs-attention': 'Needs attention', locked: 'Locked' },
  second: { held_one: '{{value}} deletion held', held_other: '{{value}} deletions held', locked: 'Unlock to sync', scanning: 'Looking at both sides', planning: 'Comparing both sides' },
  ago: { never: 'not yet', now: 'just now', seconds: '{{value}}\u00a0s ago', minutes: '{{value}}\u00a0min ago', today: 'today {{at}}', yesterday: 'yesterday {{at}}' },
  table: {
    state: 'State', here: 'This computer', there: 'S3', direction: 'Direction', who: 'Who may read', lastSuccess: 'Last success', menu: 'Menu', progressOf: 'Progress of {{name}}', doneOf: '{{done}} of {{total}}',
    allSealed_one: '{{files}} file sealed', allSealed_other: '{{files}} files sealed', allEncrypted_one: '{{files}} file encrypted', allEncrypted_other: '{{files}} files encrypted',
  },
  modes: {
    'cse-c': { badge: 'Sealed, my key', name: 'Only me, and whoever I give my key', says: 'Sealed before it leaves. No one at Amazon can open it.', lost: 'The files are gone.', lostSays: 'The next step makes the key and saves a recovery file.', cost: 'No KMS requests. Storage and S3 requests only.' },
    'cse-kms': { badge: 'Sealed, my KMS key', name: 'People I allow on a KMS key', says: 'Sealed before it leaves. S3 sees only sealed bytes.', lost: 'AWS keeps it.', lostSays: 'Deleting a KMS key takes at least seven days.', cost: 'One KMS request per file.' },
    'sse-kms': { badge: 'My KMS key', name: 'People I allow on a KMS key', says: 'Your own key in KMS. Take the right away, and reading ends.', lost: 'AWS keeps it.', lostSays: 'Deleting a KMS key takes at least seven days.', cost: 'Few KMS requests with a Bucket Key.' },
    'sse-c': { badge: 'My key, at S3', name: 'Whoever I give my key', says: 'S3 encrypts with your key and forgets it after each request.', lost: 'The files are gone.', lostSays: 'S3 keeps only a check value.', cost: 'No KMS requests. Storage and S3 requests only.' },
    'sse-kms-aws': { badge: 'AWS KMS', name: 'People in this AWS account', says: 'AWS keeps the key in KMS and logs its use.', lost: 'AWS keeps it.', lostSays: 'There is none of yours to lose.', cost: 'Few KMS requests with a Bucket Key.' },
    'sse-s3': { badge: 'S3 key', name: 'Anyone with access to the bucket', says: 'S3 holds the key. There is none to lose.', lost: 'There is none to lose.', lostSays: 'S3 keeps and uses it.', cost: 'No KMS requests. Storage and S3 requests only.' },
  },
  names: { encrypted: 'Encrypted', readable: 'Readable', encryptedSays: 'Hidden as well', readableSays: 'Readable on S3' },
  direction: {
    'two-way': { name: 'Both ways', says: 'Both ways, keeps two versions when both changed', long: 'Changes travel in both directions. A file changed in two places is kept twice.' },
    upload: { name: 'Upload only', says: 'Upload only, never deletes on S3', long: 'A backup: files go up, nothing is ever deleted on S3 or changed here.' },
    'upload-mirror': { name: 'Upload, mirror', says: 'S3 is made equal to this computer', long: 'S3 is made equal to this computer: what is deleted or changed here is deleted or replaced there.' },
    download: { name: 'Download only', says: 'Download only, never deletes here', long: 'Files come down; nothing goes up, and nothing is ever deleted here.' },
    'download-mirror': { name: 'Download, mirror', says: 'This computer is made equal to S3', long: 'This computer is made equal to S3: changes made here are undone (into the trash), deletions there are carried out here.' },
  },
  picture: {
    thisComputer: 'This computer', amazon: 'Amazon S3', builtIn: 'Your storage', server: 'The S3 server', andKms: '{{storage}} and KMS', yourFile: 'your file', sealedHere: 'sealed here', sealed: 'sealed', wrappedInside: 'wrapped data key inside',
    insideTls: 'inside TLS', s3Encrypts: 'S3 encrypts', atRest: 'at rest', yourKey: 'Your key', staysInKeychain: 'stays in the keychain', inKeychain: 'in the keychain', yourKmsKey: 'Your KMS key', neverLeavesKms: 'never leaves AWS KMS',
    youSayWho: 'you say who may use it', awsKeepsIt: 'AWS keeps it in KMS', keyOfS3: 'A key of S3’s own', s3KeepsIt: 'S3 keeps and uses it', noKeyHere1: 'No key on', noKeyHere2: 'this computer.', noKeyCrosses1: 'No key ever', noKeyCrosses2: 'crosses this line.',
    kmsHandsOut1: 'KMS hands out', kmsHandsOut2: 'one data key per file', lent1: 'lent for each request;', lent2: 'S3 keeps a salted', lent3: 'check value only',
    says: {
      'cse-c': 'Your file is sealed on this computer with your key, which stays in the keychain. Only sealed files reach the storage, with the wrapped data key inside.',
      'cse-kms': 'Your file is sealed on this computer with a data key that KMS hands out. Only sealed files reach S3; the KMS key never leaves AWS KMS.',
      'sse-kms': 'Your file travels inside TLS. S3 encrypts it with your KMS key; you say who may use that key.',
      'sse-c': 'Your file and your key travel inside TLS. S3 encrypts with your key, forgets it, and keeps only a check value.',
      'sse-kms-aws': 'Your file travels inside TLS. S3 encrypts it with a key that AWS keeps in KMS.',
      'sse-s3': 'Your file travels inside TLS. S3 encrypts it with a key of its own.',
    },
  },
  who: {
    title: 'Who may read this?', joinTitle: 'This folder is there already', for: 'For', in: 'in', fixed: 'You will be able to change it later.', joinSays: 'It was made on another computer, and stays as it was chosen there. Both sides are joined; nothing is deleted.',
    fingerprint: 'Its own fingerprint, the same on every computer:', client: 'Sealed on this computer', clientSays: 'S3 never sees the contents', server: 'Encrypted by S3', serverSays: 'The storage can read it while it works', picture: 'What that means', envelope: '{{tag}}, envelope {{format}}',
    you: 'You, on your devices', bucket: 'Someone with access to the bucket', amazon: 'Whoever runs the storage', thief: 'A thief of this computer', reads: 'reads', sees: 'sees sizes, counts, times', seesNames: 'sees names, sizes, times', blocked: 'Blocked by this bucket', blockedSays: 'This bucket blocks SSE-C, as new AWS buckets do since April 2026. Whoever owns the bucket can allow it in its default encryption.', wayOutKms: 'Amazon’s own S3 Encryption Client opens every file for whoever may use the KMS key.', unlocked: 'only if it is unlocked',
    ifLost: 'If the key is lost', wayOut: 'Way out', cost: 'Cost', wayOutClient: 'Amazon’s own S3 Encryption Client opens every file with your key.', wayOutServer: 'Any S3 program with access to the bucket.',
  },
  home: {
    welcome: 'Nothing to keep in step yet.', inStep: 'Everything is in step.', syncing_one: 'One folder is syncing.', syncing_other: '{{count}} folders are syncing.', needYou_one: 'One thing needs you.', needYou_other: '{{value}} things need you.', numbers: { two: 'Two', three: 'Three', four: 'Four', five: 'Five', six: 'Six' }, restInStep: 'Everything else is in step with S3.', nothingNeeded: 'Nothing needs you.',
    lastSuccess: 'Last success:', questions: 'What needs you', andMore_one: 'and 1 more', andMore_other: 'and {{count}} more', calm_one: 'Your folder is the same here and on S3.', calm_other: 'Your {{count}} folders are the same here and on S3.',
    vanished_one: '{{value}} file vanished from {{name}}', vanished_other: '{{value}} files vanished from {{name}}', vanishedSays: 'Nothing was deleted; the folder waits for your answer.', look_one: 'Look at the file', look_other: 'Look at the {{value}} files', lockedTitle: '{{name}} is locked', problemTitle: '{{name}} cannot go on',
    openFolder: 'Open folder', keyUnsaved: 'The key {{name}} has no recovery file', keyUnsavedSays: 'Until one is saved, this computer holds the only copy.', saveFile: 'Save a recovery file', kit: { due: 'Is the recovery kit of {{name}} still there?', unverified: 'The recovery kit of {{name}} was never checked', outdated: 'The recovery kit of {{name}} does not know a new folder' },
    kitSays: { due: 'It was last checked more than a year ago. Check it while this computer still has the key.', unverified: 'Type its words once: then you know that it works.', outdated: 'Make it again, or check that its words open the new folder too.' }, checkKit: 'Check kit', foot_one: '1 folder', foot_other: '{{count}} folders',
  },
  folders: {
    add: 'Add folder', dropHere: 'Drop a folder here', dropSays: 'Or press Add folder. You choose who may read it, see what would happen, and only then does anything leave this computer.', choose: 'Choose a folder…', oftenChosen: 'Often chosen', dropHint: 'Drop a folder anywhere here to add it. In all',
  },
  folder: {
    menu: 'Menu of {{name}}', open: 'Open', browse: 'Browse S3', syncNow: 'Sync now', pause: 'Pause', resume: 'Resume', now: 'Now', progress: '{{done}} of {{total}} files, {{doneBytes}} of {{totalBytes}}',
    left: { seconds: 'about {{value}}\u00a0s left', minutes: 'about {{value}}\u00a0min left', hours: 'about {{value}}\u00a0h left' },
    facts: 'This folder', files: 'On S3', key: 'Key', keyOfS3: 'S3’s own', names: 'Names', direction: 'Direction', storage: 'Storage', twoVersions: 'Two versions', twoVersionsSays_one: '1 file changed in two places; both are kept', twoVersionsSays_other: '{{count}} files changed in two places; both are kept', gone: 'This folder is no longer in Enfold.',
  },
  tabs: { transfers: 'Transfers', activity: 'Activity', twoVersions: 'Two versions', skipped: 'Skipped', settings: 'Settings' },
  throughput: { title: 'Moving now', still: 'The last two minutes', peak: 'At most {{top}}', chart: 'Speed in the last two minutes: now {{now}}, at most {{top}}', voice: 'State of the folders' },
  speed: { title: 'Speed', says: 'For all folders together. It holds at once, also for what is under way.', saysFolder: 'For this folder, beside what holds for all together.', upload: 'Upload at most', download: 'Download at most', rateSays: 'Bytes a second: 512K, 2M, off, or a timetable: 08:00,512K 18:00,off', transfers: 'Files at once', transfersSays: '1 to 256, or automatic', transfersWrong: 'A number from 1 to 256', auto: 'automatic', save: 'Save', saved: 'Saved. It holds from now on.' },
  drill: { title: 'Restore drill', says: 'Some files, chosen at random, are fetched from S3, opened and compared with what was sent. Nothing is changed.', proven: 'Last proven restore', never: 'not yet', run: 'Try a restore now', result_one: 'Last time: {{files}} file, {{bytes}}, {{failed}} failed.', result_other: 'Last time: {{files}} files, {{bytes}}, {{failed}} failed.' },
  transfers: {
    file: 'File', size: 'Size', progress: 'Progress', up: 'Sending', down: 'Receiving', upSealed: 'Sealing and sending', downSealed: 'Receiving and opening', waiting: 'Waiting for S3 to confirm', justDone: 'Just done', sentAt: 'Confirmed by S3 {{at}}', receivedAt: 'Received and checked {{at}}', none: 'Nothing is moving. Both sides are compared again when something changes.',
  },
  activity: {
    filter: 'Filter by name', kind: 'Kind of event', allFolders: 'All folders', all: 'All', sent: 'Sent', received: 'Received', moved: 'Moved', deleted: 'Deleted', problems: 'Problems', today: 'today', none: 'Nothing has happened in this folder yet.', noneFits: 'No event fits the filter.',
    andMore_one: 'and 1 more', andMore_other: 'and {{value}} more', in: 'in',
    kinds: {
      uploaded_one: 'was sent', uploaded_other: 'were sent', downloaded_one: 'was received', downloaded_other: 'were received', 'deleted-local_one': 'was moved to the local trash', 'deleted-local_other': 'were moved to the local trash', 'deleted-remote_one': 'was deleted on S3', 'deleted-remote_other': 'were deleted on S3',
      renamed_one: 'was renamed', renamed_other: 'were renamed', 'two-versions_one': 'was changed in two places, both versions are kept', 'two-versions_other': 'were changed in two places, both versions are kept', adopted_one: 'was the same on both sides', adopted_other: 'were the same on both sides',
      'attributes-updated_one': 'got its new times and permissions', 'attributes-updated_other': 'got their new times and permissions', failed_one: 'could not be synced', failed_other: 'could not be synced', held_one: 'waits for your answer', held_other: 'wait for your answer', joined_one: 'was joined with S3', joined_other: 'were joined with S3', restored_one: 'was brought back', restored_other: 'were brought back',
    },
  },
  twoVersions: {
    says: 'These files were changed in two places. Both versions were kept; nothing is lost whatever you choose.', none: 'No file has two versions.', line: 'From {{device}}, {{at}}', compare: 'Compare', compareOf: 'Compare the two versions of {{name}}', of: 'Two versions of {{name}}', changed: 'Changed', named: 'Has the name', from: 'From {{device}}', which: 'Which do you keep?',
    keep: { both: 'Keep both', original: 'Keep the one with the name', copy: 'Keep the other one' }, keepSays: { both: 'Each stays under its own name.', original: 'The other goes to the folder’s trash, for 30 days.', copy: 'It takes the name. What had it goes to the folder’s trash, for 30 days.' }, others_one: 'The same for the other one', others_other: 'The same for the other {{value}}',
  },
  find: { placeholder: 'A place, a folder, a command', results: 'Found', none: 'Nothing of that name.', place: 'Place', command: 'Command', folder: 'Folder', lock: 'Lock Enfold', browse: 'Browse {{name}}', sync: 'Sync {{name}} now', pause: 'Pause {{name}}', resume: 'Resume {{name}}' },
  locked: { title: 'Enfold is locked', says: 'The keys are out of memory. Your files stay as they are; nothing syncs until you unlock.', do: 'Unlock', touch: 'Use Touch ID' },
  prefs: {
    looks: 'Looks', theme: 'Theme', themes: { system: 'As the system', light: 'Light', dark: 'Dark' }, language: 'Language', languages: { system: 'As the system', en: 'English', de: 'Deutsch' }, notices: 'Notifications', notice: { held: 'Deletions that wait for an answer', problem: 'A folder that cannot go on', locked: 'A folder that is locked' },
    noticeSays: { held: 'Many files vanished on one side, and nothing was deleted.', problem: 'Once per problem, never for single files.', locked: 'Its key is not at hand.' }, lock: 'Lock', lockSays: 'While locked, the keys are out of memory and this window shows nothing of your folders.', lockAfter: 'Lock after', never: 'Never', minutes_one: '1 minute without input', minutes_other: '{{count}} minutes without input', onScreenLock: 'Lock with the screen', onSleep: 'Lock when the computer sleeps',
    lockPassphrase: 'Passphrase of the lock', lockPassphraseSays: 'It is asked for to unlock Enfold. Your keys are not changed by it.', hasPassphrase: 'Unlocking asks for it.', noPassphrase: 'None yet: who sits here can unlock.', currentPassphrase: 'Current passphrase', setPassphrase: 'Set passphrase', computer: 'This computer', startAtLogin: 'Start at login', startAtLoginSays: 'Folders are kept in step from the start.', version: 'Enfold {{version}}',
  },
  skipped: {
    path: 'Path', reason: 'Reason', side: 'Where', local: 'here', remote: 'on S3', none: 'Nothing is left out.', foot: 'Skipped files stay untouched where they are. They are looked at again at each cycle.',
    reasons: {
      ignored: 'Left out by a rule', unreadable: 'This computer does not let Enfold read it', 'directory-unreadable': 'Its folder cannot be read', symlink: 'A link; links are not followed', 'special-file': 'Not a file: a device, socket or pipe', 'name-encoding': 'Its name is not valid text', 'name-unsupported': 'Its name cannot exist on this computer',
      'name-collision': 'Another name differs only in case', 'name-clash': 'A file and a folder have the same name', 'name-too-long': 'Its name is too long for S3', 'name-traversal': 'Its name would lead out of the folder', 'name-control': 'Its name holds control characters', 'name-reserved': 'Its name is reserved by this system', 'own-file': 'One of Enfold’s own files',
      direction: 'This folder goes the other way only', foreign: 'Not from Enfold', 'not-authentic': 'Altered, moved or replaced outside Enfold', 'mode-not-honoured': 'S3 did not encrypt it as chosen', 'key-not-found': 'No key here opens it', 'file-too-large-for-mode': 'Larger than 64 GiB, the most that a sealed file may have', 'waiting-for-quiet': 'Still being written; Enfold waits until it is quiet', 'filesystem-boundary': 'On another disk that is mounted inside the folder',
    },
  },
  settings: {
    pairing: 'What is kept where', id: 'Folder id', removeTitle: 'Remove from Enfold', removeSays: 'Enfold forgets that these two belong together. Every file stays, here and on S3.', remove: 'Remove folder…', removeAsk: 'Forget {{name}}?', removeKeeps: 'No file is deleted, neither here nor on S3. The key stays too. You can add the folder again at any time, and both sides are joined.', removeDo: 'Remove from Enfold', keep: 'Keep it',
  },
  held: {
    title: { here_one: '{{value}} file is gone from this computer.', here_other: '{{value}} files are gone from this computer.', there_one: '{{value}} file is gone from S3.', there_other: '{{value}} files are gone from S3.', aSide_one: '{{value}} file is gone from one side.', aSide_other: '{{value}} files are gone from one side.' },
    question: { here_one: 'Delete it on S3 too?', here_other: 'Delete them on S3 too?', there_one: 'Delete it here too?', there_other: 'Delete them here too?', aSide_one: 'Delete it on the other side too?', aSide_other: 'Delete them on the other side too?' },
    saysShare: { here: 'That is {{percent}}\u00a0% of {{name}}, so Enfold stopped and asks. Nothing has been deleted on S3.', there: 'That is {{percent}}\u00a0% of {{name}}, so Enfold stopped and asks. Nothing has been deleted here.', aSide: 'That is {{percent}}\u00a0% of {{name}}, so Enfold stopped and asks. Nothing has been deleted.' },
    says: { here: 'So many at once looks like an accident, so Enfold stopped and asks. Nothing has been deleted on S3.', there: 'So many at once looks like an accident, so Enfold stopped and asks. Nothing has been deleted here.', aSide: 'A whole directory at once looks like an accident, so Enfold stopped and asks. Nothing has been deleted.' },
    examples: 'Some of them', andMore_one: 'and 1 more', andMore_other: 'and {{value}} more',
    bringBack: { here: 'Bring them back here', there: 'Put them back on S3', aSide: 'Bring them back' }, bringBackSays: { here: 'Downloads them from S3 again.', there: 'Uploads them from this computer again.', aSide: 'Copies them from the side that has them.' },
    delete: { here: 'Delete them on S3 too', there: 'Delete them here too', aSide: 'Delete them on both sides' }, deleteSays: { here: 'Unless the bucket keeps old versions, they are gone for good.', there: 'They stay in this folder’s trash for 30 days.', aSide: 'On S3 they are gone for good unless the bucket keeps old versions; here they stay in the trash for 30 days.' },
    bringBackDo: { here_one: 'Bring {{value}} file back', here_other: 'Bring {{value}} files back', there_one: 'Put {{value}} file back', there_other: 'Put {{value}} files back', aSide_one: 'Bring {{value}} file back', aSide_other: 'Bring {{value}} files back' },
    deleteDo: { here_one: 'Delete {{value}} file on S3', here_other: 'Delete {{value}} files on S3', there_one: 'Delete {{value}} file here', there_other: 'Delete {{value}} files here', aSide_one: 'Delete {{value}} file', aSide_other: 'Delete {{value}} files' }, later: 'Decide later',
  },
  browse: {
    where: 'Where you are', foreign: 'Not from Enfold', verified: 'Verified on S3', notYet: 'Not checked yet', going: 'Goes in a moment', files: 'Files', sortBy: 'Sort by {{column}}', columns: { name: 'Name', sizeBytes: 'Size', modifiedMs: 'Changed', state: 'State' }, filter: 'Filter by name', filterIn: 'Filter {{place}}, Enter searches below', filterKeys: 'Ctrl F', upload: 'Upload…', uploadTitle: 'Choose a file to upload',
    saveTo: 'Save to…', saveTitle: 'Save {{name}}', saveAllTitle: 'Choose a folder to save into', saved: '{{name}} was saved, {{bytes}}.', saving: 'Saving, {{done}} of {{total}}', savedAll_one: '{{items}} item was saved, {{bytes}}.', savedAll_other: '{{items}} items were saved, {{bytes}}.', uploading_one: 'Uploading 1 file', uploading_other: 'Uploading {{count}} files', uploaded_one: '{{files}} file was uploaded, {{bytes}}.', uploaded_other: '{{files}} files were uploaded, {{bytes}}.', refresh: 'List again', empty: 'Nothing here yet. Drop files to upload them.',
    noneFits: 'No name here fits the filter.', noneBelow: 'No name in this folder or below fits.', searchBelow: 'Search below', clearFilter: 'Clear filter', endSearch: 'End search', listing: 'Listing what is on S3', dropHere: 'Drop to upload into {{place}}', dropSealed: 'Sealed here first, with this folder’s key.', dropPlain: 'Encrypted by S3, as this folder is.', items_one: '{{items}} item', items_other: '{{items}} items', selected_one: '{{items}} of {{total}} selected, {{bytes}}', selected_other: '{{items}} of {{total}} selected, {{bytes}}', soFar: '{{items}} listed so far', noFolders: 'No folder is set up yet.',
    preview: 'Preview', previewKey: 'Space', rename: 'Rename…', renameTitle: 'Rename {{name}}', renameSays: 'It is renamed on S3, and on every computer that keeps this folder in step.', newFolder: 'New folder…', newFolderSays: 'In {{place}}.', make: 'Make folder', noSlash: 'A name holds no slash.', delete: 'Delete', deleteKey: 'Del', more: 'More', undo: 'Undo', deleting_one: '{{value}} item is deleted on S3 in a moment.', deleting_other: '{{value}} items are deleted on S3 in a moment.', restored: '{{name}} is as it was then. The newer version is kept too.',
  },
  look: { of: 'Preview of {{name}}', here: 'Opened on this computer only', opening: 'Fetching and checking {{bytes}}', none: 'This kind of file cannot be shown here. Save it to open it.', broken: 'It could not be shown. Save it to open it with another program.', cut: '… only the beginning is shown.' },
  details: {
    explain: 'Read it elsewhere', commandsFor: 'Commands for {{tool}}', label: 'Details of {{name}}', directory: 'Folder', changed: 'changed {{at}}', foreignSays: 'No valid envelope. It is listed and left alone.', asking: 'Asking S3', askingSays: 'The server says how it keeps this very version.', verifiedAt: 'Verified on S3 {{at}}', verifiedSealed: 'Its envelope and its sealed attributes are genuine, and belong to this name.', verifiedServer: 'S3 answers {{how}}, as {{asked}} asks for.', nothing: 'nothing',
    envelope: 'Envelope', encryption: 'Encryption', facts: 'Facts', versions: 'Versions', dataKey: 'Data key', forThisVersion: 'for this version', onS3: 'on S3', atS3: 'at S3', inKms: 'in KMS', content: 'Content', contents: { sealed: 'AES-256-GCM, sealed here', server: 'Encrypted by S3', foreign: 'Unknown' }, commitment: 'Commitment', matches: 'genuine', fingerprint: 'Fingerprint', serverSays: 'S3 says', customerKey: 'encrypted with a customer key', kmsKey: 'KMS key', hash: 'SHA-256', nameOnS3: 'Name on S3', opensWith: 'Opens with', opensWithSays: 'any Amazon S3 Encryption Client that has the key', open: 'Open',
    current: 'Current', deletedThen: 'Deleted', restore: 'Restore', restoreOf: 'Restore the version of {{at}}', oneVersion: 'S3 keeps no older version. Turn on versions for the bucket to have them.',
  },
  passphrase: { first: 'Passphrase for the file', second: 'Again', says: 'At least {{shortest}} characters. Four or five words are good.', short: 'At least {{shortest}} characters', differ: 'The two are not the same' },
  keyFile: { title: 'Save the recovery file', save: 'Save recovery file…', saved: 'Saved to', savedSays: 'Keep it and its passphrase off this computer.' },
  keys: {
    says: 'Enfold shows fingerprints, never keys.', none: 'No key yet. One is made when you add a folder that only you can read.', new: 'New key', importButton: 'Import a key…', newTitle: 'Make a new key', newSays: 'An AES-256 key, made on this computer and kept in its keychain.', name: 'Name', make: 'Make key', importTitle: 'Import a key', importSays: 'A recovery file from Enfold, or a key of 32 bytes: raw, hex or base64.', file: 'File', noFile: 'No file chosen', filePassphrase: 'Passphrase of the file',
    filePassphraseSays: 'Leave empty for a bare key.', import: 'Import', types: { aes: 'AES-256', rsa: 'RSA pair', 'sse-c': '256-bit for SSE-C' }, opens: 'Opens {{names}}', opensNothing: 'Opens no folder here', since: 'Since {{at}}', fileSaved: 'Recovery file saved {{at}}', fileNever: 'No recovery file', kitChecked: 'Recovery kit checked {{at}}', others: 'Kept elsewhere', othersSay: 'Keys inside AWS KMS, and sign-ins whose secret is kept here.', kinds: { kms: 'Key in AWS KMS', access: 'Secret of an access key' }, noKit: 'In no recovery kit', details: 'Details of {{name}}', made: 'Made', saved: 'Recovery file saved', notSaved: 'No recovery file.', notSavedSays: 'This computer holds the only copy of this key.',
    saveTitle: 'Save a recovery file', saveSays: 'The key under a passphrase. With both, any computer opens your folders again.', lostTitle: 'If this computer were gone today', lostSafe: 'With the recovery file', lostGone: 'Gone',
  },
  kit: {
    title: 'Recovery kit', says: 'A page with 24 words and a code. With it alone, any computer opens your folders again.', made: 'Printed', checked: 'Checked', make: 'Make kit…', check: 'Check kit', saveTitle: 'Save the recovery kit', checkTitle: 'Check the recovery kit', checkSays: 'Type the words from the page, or choose its file. Enfold opens your folders’ keys from it, so that you know it works.', words_one: '{{count}} of 24 words', words_other: '{{count}} of 24 words', orFile: 'Or choose its file…', due: 'That is more than a year ago.', outdated: 'A folder has come since that it does not know.',
  },
  restore: {
    wordsSay: 'Those of the page, in their order. For a page of an RSA key choose its file too.', fileTitle: 'Choose the page or the age file of the kit', fileSays: 'The file that was saved with the page, or the page itself as HTML.', take: 'Take the key back', keyName: 'From my recovery kit', taken: 'The key is back. Choose the folder to open again.', folders: 'Folders that the key opens', noFolders: 'The words alone do not say where the folders are: set up the storage, and choose the same place in the bucket.', signIn: '{{name}} is kept at {{remote}}. Sign in there, then choose where it is to be on this computer.',
  },
  join: {
    open: 'Join a folder…', title: 'Join a shared folder', says: 'Send this computer’s recipient to whoever invites you, and choose the invitation that comes back.', mine: 'This computer’s recipient', compare: 'Compare this by telephone:', code: 'The recipient as a code', fileTitle: 'Choose the invitation', file: 'Invitation', passphrase: 'Passphrase of the invitation', folderTitle: 'Choose a folder', folder: 'Folder on this computer', folderSays: 'Leave empty if the folder is here already and only its key is new.', connection: 'Storage', fitting: 'The one that fits', do: 'Join',
  },
  people: {
    title: 'People', says: 'Whoever was let in holds the folder’s key and signs in to the storage on their own.', nobody: 'Nobody else was invited.', in: 'In since {{at}}, on {{on}}', until: 'Invited until {{at}}', expired: 'Never used, expired', inviteAsk: 'Invite…', inviteTitle: 'Invite somebody to {{name}}', inviteSays: 'The invitation holds the folder’s key and no sign-in. It works once, for {{days}} days.', name: 'Name', by: 'Who can open it', byRecipient: 'One computer', byPassphrase: 'Whoever has a passphrase', recipient: 'Their recipient', recipientSays: 'Their Enfold shows it under Folders, Join a folder.', saveTitle: 'Save the invitation', invite: 'Save invitation…',
    compare: 'Saved. Compare this fingerprint with them by telephone: {{fingerprint}}', tellPassphrase: 'Saved. Tell the passphrase by another way than the file.', removeAsk: 'Remove…', removeOf: 'Remove {{name}}', removeTitle: 'Remove {{name}}?', withdrawSays: 'The invitation has not been used. It will not work any more.', newKeySays: 'The folder gets a new key for new files. Those who stay need it: afterwards, write new invitations for them.', oldSays: 'What {{name}} could read until now they may have copied, and can read for as long as they may read the bucket. Take that away too.', remove: 'Remove', removeWithKey: 'Remove, with a new key', removed: '{{name}} is removed.', removedKey: '{{name}} is removed. New files are under {{key}}.',
    renew: 'New invitations…', renewTitle: 'Choose a folder for the invitations', renewedNone: 'Nobody is in whose recipient is known.', renewed_one: 'Written for {{names}}.', renewed_other: 'Written for {{names}}.', byHand: 'Invited under a passphrase, to be invited anew: {{names}}.', grants: 'Rights in AWS', which: { grant: 'To let in:', revoke: 'To keep out:' },
  },
  exam: {
    title: 'What is this bucket like?', says: 'Enfold asks the server for its settings, and uploads a few bytes and removes them.', do: 'Examine', open: 'Bucket…', of: 'Examine a bucket of {{name}}', found: 'Findings', severity: { good: 'Good', info: 'Worth knowing', warning: 'Warning', critical: 'Wrong' }, mayAll: 'This sign-in may do all that Enfold needs.', mayNot_one: 'This sign-in may not do one thing:', mayNot_other: 'This sign-in may not do {{count}} things:', policy: 'A policy that would allow what is missing:',
    for: 'Look at', anyBucket: 'Another bucket, as it is', part: 'What to look at', settings: 'Settings', objects: 'Objects', fix: 'Look: {{says}}', preview: 'What this would change', before: 'Before', after: 'After', apply: 'Change it', changes: 'Changed from here', undo: 'Take back', undoOf: 'Take back: {{says}}', partly: 'Taken back as far as S3 can: versioning is suspended now, not as if it had never been on.',
    scanSays: 'Enfold asks S3 about every object, and downloads none. It goes on where it was stopped.', scan: 'Look at every object', goOn: 'Go on', stop: 'Stop', save: 'Save report…', saveTitle: 'Save the report', begins: 'Beginning', looked_one: '{{objects}} object looked at, {{wrong}} not as wished', looked_other: '{{objects}} objects looked at, {{wrong}} not as wished', mending: '{{done}} of {{wrong}} mended or looked at', stopped: 'Stopped. What was done by then is kept.',
    encryption: 'Encryption', key: 'Key', verdict: 'As wished', count: 'Objects', size: 'Size', verdicts: { right: 'Yes', wrong: 'No', unknown: 'Unknown' }, empty: 'There are no objects.', wrong: 'Not as wished', mend: 'Mend all', mendChosen_one: 'Mend {{count}} chosen', mendChosen_other: 'Mend {{count}} chosen',
    takes: '{{objects}} objects, {{size}}: {{writes}} copies or updates inside S3, {{heads}} looks, {{kms}} KMS requests, about {{usd}} USD at AWS, about {{seconds}} s.', mended: '{{fixed}} mended and verified, {{already}} right already, {{skipped}} skipped, {{failed}} failed.',
  },
  keychain: {
    'old-file': { title: 'Unlock your keys', says: 'This system has no keychain, so Enfold keeps keys in a file under a passphrase. It is asked for once per start.', do: 'Unlock' },
    'new-file': { title: 'Choose a passphrase for your keys', says: 'This system has no keychain, so Enfold keeps keys in a file under a passphrase. It is asked for once per start. If it is lost, the keys in the file are gone.', do: 'Use this passphrase' }, passphrase: 'Passphrase', where: { keychain: 'They are kept in the system’s keychain.', file: 'They are kept in a file under your passphrase.' },
  },
  owner: {
    open: 'Address and keys', of: 'Address and keys of {{name}}', address: 'Address', notNow: 'Not served now', secure: 'HTTPS', secureSays: 'With a certificate of its own. Programs that are not Enfold compare its fingerprint.', fingerprint: 'Fingerprint of its certificate', directory: 'Folder', rootKey: 'Root key',
    besideSays: 'Beside the data: whoever has the folder can read what the server encrypts, and it opens on any computer.', keychainSays: 'In this computer’s keychain: the folder alone shows no content. On another computer it opens with the recovery words.', toKeychain: 'Move to the keychain', words: 'Recovery words', wordsNever: 'Not written down yet. Without them and without this keychain nobody can read this storage.',
    wordsAt: 'Saved or shown {{at}}', wordsSave: 'Save recovery words', wordsTitle: 'Save the recovery words', stops: 'The storage stops for a moment; folders go on by themselves.', saved: 'Saved. Print it, and keep it apart from the folder.',
  },
  storage: { says: 'Where the copies live.', add: 'Add storage', addTitle: 'Where should copies live?', none: 'No storage is set up yet.', aws: 'Amazon S3, {{region}}', unused: 'Holds no folder', holds: 'Holds {{names}}', builtIn: 'Built-in storage', test: 'Test', testOf: 'Test {{name}}', remove: 'Remove', removeOf: 'Remove {{name}}', works: 'Works' },
  first: { keysStay: 'Keys stay in this computer’s keychain.', everyStep: 'You see every step before anything is sent.', wayOut: 'Amazon’s own tools open what is sealed here.', lookAround: 'Look around first', setUp: 'Set up storage' },
  place: {
    title: 'Where should the copies live?', says: 'Your folders stay where they are. Enfold keeps a second copy elsewhere and keeps both in step. You can add more places later.', disk: 'On a disk of mine', diskSays: 'An external disk, a NAS, or a folder here. No account needed, the S3 storage is built in.', startHere: 'Start here', aws: 'In Amazon S3', awsSays: 'Sign in with a profile from ~/.aws, single sign-on, or an access key.',
    s3: 'On another S3 server', s3Says: 'Ceph, Backblaze, Wasabi, your own.', kit: 'I have a recovery kit', kitSays: 'Open folders again from the page you printed.', another: 'Another place', anotherSays: 'A disk, Amazon S3, or another S3 server.', directory: 'Place for the copies', directorySays: 'Best on a different disk than your folders. It is made if it is not there.', chooseTitle: 'Choose a place for the copies',
    signIn: 'AWS sign-in', profile: 'Profile', accessKey: 'Access key', profileName: 'Profile from ~/.aws', profileSays: 'Picked or typed. Its keys are not copied.', isSso: 'Single sign-on through the AWS command line.', ssoTitle: 'Sign in with AWS first', ssoSays: 'Run this in a terminal; it opens your browser. Then try again here.', region: 'Region', accessKeyId: 'Access key ID', secret: 'Secret access key', secretSays: 'Kept in the keychain.', endpoint: 'Endpoint', endpointWrong: 'An address like https://s3.example.org', names: { disk: 'Storage on my disk', aws: 'Amazon S3', profile: 'Amazon S3 ({{profile}})' },
  },
  wizard: {
    chooseFolder: 'Choose a folder', steps: 'Steps', step: { place: 'Storage', folder: 'Folder', who: 'Encryption', key: 'Key and recovery file', kms: 'KMS key', start: 'Preview and start' }, escape: 'Esc', nothingSent: 'No file is sent before the last step.', back: 'Back', toFolder: 'Continue to folder', toWho: 'Continue to encryption', toKey: 'Continue to key', toPreview: 'Continue to preview', start: 'Start',
    folderTitle: 'Which folder?', folderSays: 'It stays where it is. Everything in it is kept in step, except what you leave out.', folderHere: 'Folder on this computer', folderPlaceholder: 'Choose, type, or drop a folder here', bucket: 'Bucket', bucketSays: 'It is made if it is not there.', prefix: 'Place in the bucket', prefixSays: 'Empty for the whole bucket.',
    keptAt: 'Kept in {{name}} at', changeWhere: 'Change', directionTitle: 'Which way?',
  },
  key: {
    title: 'Make the key', says: 'This key opens the folder. It is made on this computer and kept in its keychain.', madeTitle: 'Save a recovery file', madeSays: 'If this computer is lost, the recovery file and its passphrase open the folder again.', defaultName: '{{name}} key', nameSays: 'So that you know it again.', makeNew: 'Make a new key', makeNewSays: 'For this folder alone.', inKeychain: 'In the keychain', fileTitle: 'Recovery file', fileSays: 'Keep it away from this computer: a USB stick, a password manager, a safe.',
    skip: 'Go on without a recovery file. If this computer is lost, the files in this folder are gone.', joinTitle: 'The key of this folder', joinSays: 'This folder was sealed on another computer. Import its key: the recovery file that was saved there, with its passphrase.', needs: 'It needs the key with the fingerprint', haveIt: 'The key {{name}} opens this folder.', wrongKey: '{{name}} is not the key of this folder.', wrongKeyNext: 'Nothing was changed. Import the key whose fingerprint is shown above.', type: 'Kind of key',
    typeSays: { aes: 'One secret that seals and opens.', rsa: 'Two halves: the public one seals, only the private one opens.', 'sse-c': '256 bits that are lent to S3 with each request. S3 keeps only a check value.' },
  },
  kms: {
    title: 'Which KMS key?', saysClient: 'KMS hands out one data key per file; this key wraps it. Whoever may use this key can read the folder.', saysServer: 'S3 asks KMS for data keys under this key. Whoever may use it, and reach the bucket, can read the folder.', listing: 'Asking KMS for its keys', noAlias: 'Key without a name', typed: 'Another key', typedSays: 'Type its id, ARN or alias.', new: 'A new key', newSays: 'Made in KMS now. In AWS a key costs about one dollar a month.',
    id: 'Key id, ARN or alias', alias: 'Name of the key', make: 'Make key in KMS', cannotList: 'KMS did not list its keys: {{why}} Type the key instead.',
  },
  options: {
    format: 'Envelope', formats: { v3: 'Current; binds each key to its content', v2: 'For readers older than December 2025' }, bucketKey: 'Bucket Key', bucketKeySays: 'Few KMS requests; the audit trail then names the bucket, not each file', dsse: 'Two layers', dsseSays: 'Encrypt twice, as some rules ask for', context: 'KMS context', contextPlaceholder: 'project=house', contextWrong: 'One name=value per line',
    wire: 'What is sent, and the same on the command line', headers: 'With each file', command: 'Command line',
  },
  preview: {
    title: 'What will happen', comparing: 'Comparing both sides. No file is sent yet.', upload_one: 'file goes up', upload_other: 'files go up', download_one: 'file comes down', download_other: 'files come down', adopt_one: 'file is the same on both sides already', adopt_other: 'files are the same on both sides already', twoVersions_one: 'file differs; both versions are kept', twoVersions_other: 'files differ; both versions are kept',
    delete_one: 'file is deleted', delete_other: 'files are deleted', skipped_one: 'file is left out', skipped_other: 'files are left out', examples: 'Some of them', union: 'The first time, both sides are joined: nothing is deleted on either side.',
  },
} as const;
