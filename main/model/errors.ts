/**
 * Every error the program can report: a stable code, whether a retry may help, what it is about, and words for people.
 * The table below is the only source of codes; docs/errors.md lists them for users.
 */
export type Retry = 'never' | 'replan' | 'later' | 'after-user';

type Row = { readonly family: ErrorFamily; readonly retry: Retry; readonly says: string; readonly next: string };

export type ErrorFamily =
  | 'KeyError' | 'IntegrityError' | 'FormatError' | 'LocalError' | 'RemoteError' | 'StateError' | 'UsageError' | 'InvariantError';

const table = {
  // Keys
  'keychain-locked': { family: 'KeyError', retry: 'after-user', says: 'The keychain is locked.', next: 'Unlock your keychain, then try again.' },
  'keychain-missing': { family: 'KeyError', retry: 'after-user', says: 'This system has no keychain Enfold can use.', next: 'Start a keychain service, or set ENFOLD_KEYCHAIN=file and ENFOLD_PASSPHRASE to use a passphrase-protected key file.' },
  'keychain-lost': { family: 'KeyError', retry: 'later', says: 'The keychain that Enfold was connected to has ended.', next: 'The app connects anew by itself; on the command line run the command again. Nothing was changed.' },
  'passphrase-missing': { family: 'KeyError', retry: 'after-user', says: 'The key file needs a passphrase and none was given.', next: 'Set ENFOLD_PASSPHRASE or use --passphrase-fd.' },
  'passphrase-wrong': { family: 'KeyError', retry: 'after-user', says: 'The passphrase does not open the key file.', next: 'Check the passphrase and try again; nothing was changed.' },
  'key-file-damaged': { family: 'KeyError', retry: 'after-user', says: 'The key file is damaged or not a key file.', next: 'Restore it from a backup or from your recovery files; nothing was changed.' },
  'key-not-found': { family: 'KeyError', retry: 'after-user', says: 'No key here fits what the object asks for.', next: 'Import the right key with `enfold key import`, then try again.' },
  'key-unwrap-failed': { family: 'KeyError', retry: 'after-user', says: 'The key does not open this: it is the wrong key, or what it should open was altered.', next: 'Check that the right key is chosen.' },
  'key-invalid': { family: 'KeyError', retry: 'after-user', says: 'That is not a usable key.', next: 'An AES or SSE-C key is 32 bytes: raw, hex or base64. An RSA key is PEM of 2,048 to 4,096 bits. Or give a file that `enfold key export` wrote.' },
  'key-in-use': { family: 'KeyError', retry: 'after-user', says: 'A folder still needs this key.', next: 'Remove the folder or change its key first.' },
  'key-name-taken': { family: 'KeyError', retry: 'after-user', says: 'There is already a key of that name.', next: 'Choose another name.' },
  'key-damaged': { family: 'KeyError', retry: 'after-user', says: 'What is kept of this key is not the key.', next: 'Import it again from its recovery kit with `enfold key import`; until then nothing is encrypted with it.' },
  'key-shared': { family: 'KeyError', retry: 'after-user', says: 'The key opens other folders too, which an invitation must not hand out.', next: 'Give the folder a key of its own first: `enfold key new`, then `enfold folder set ID --key NAME`.' },
  'key-item-missing': { family: 'KeyError', retry: 'after-user', says: 'The keychain no longer has the item that opens Enfold\'s secrets.', next: 'Nothing was deleted. Unlock or restore the keychain; or, if the item is gone for good, run `enfold key set-aside` and take the keys in again from their recovery kits.' },
  'secret-elsewhere': { family: 'KeyError', retry: 'after-user', says: 'The secret was stored in another place than Enfold looks in now.', next: 'Set or unset ENFOLD_KEYCHAIN as it was when the secret was stored; nothing was deleted.' },
  'enfold-locked': { family: 'KeyError', retry: 'after-user', says: 'Enfold is locked.', next: 'Unlock it in the window, or with `enfold key unlock`.' },
  'lock-passphrase-wrong': { family: 'KeyError', retry: 'after-user', says: 'That does not unlock Enfold.', next: 'Check the passphrase and try again.' },
  'kit-word-unknown': { family: 'KeyError', retry: 'after-user', says: 'A word is not one of the words of a recovery kit.', next: 'Look at that word on the page again; four letters of each are enough, and nothing was changed.' },
  'kit-words-wrong': { family: 'KeyError', retry: 'after-user', says: 'The words are not those of the recovery kit.', next: 'Compare them with the page, one by one; nothing was changed.' },
  'kit-words-missing': { family: 'KeyError', retry: 'after-user', says: 'The recovery file is opened by the 24 words of its page, and none were given.', next: 'Give the words on standard input, in ENFOLD_KIT_WORDS, or on a terminal.' },
  'kit-damaged': { family: 'KeyError', retry: 'after-user', says: 'The recovery kit is damaged or incomplete.', next: 'Use another copy, or type the words of the page; nothing was changed.' },
  'kit-other-key': { family: 'KeyError', retry: 'after-user', says: 'The recovery kit is that of another key.', next: 'Compare the fingerprint on the page with `enfold key list`; nothing was changed.' },
  'kit-folder-not-opened': { family: 'KeyError', retry: 'after-user', says: 'The key of the recovery kit does not open a folder that it should open.', next: 'Make a new kit with `enfold key kit` and check it; nothing was changed.' },
  'invitation-damaged': { family: 'KeyError', retry: 'after-user', says: 'The invitation is damaged, or no invitation.', next: 'Ask for a new one; nothing was changed.' },
  'invitation-for-another': { family: 'KeyError', retry: 'after-user', says: 'The invitation is for somebody else, or for another computer.', next: 'Send what `enfold key recipient` prints to the one who invites, and ask for an invitation to that.' },
  'invitation-expired': { family: 'KeyError', retry: 'after-user', says: 'The invitation has expired.', next: 'Ask for a new one; nothing was changed.' },
  'invitation-used': { family: 'KeyError', retry: 'after-user', says: 'The invitation was already used.', next: 'An invitation lets one computer in. Ask for a new one; nothing was changed.' },
  'invitation-withdrawn': { family: 'KeyError', retry: 'after-user', says: 'The invitation was withdrawn, or the member removed.', next: 'Ask whoever invited you; nothing was changed.' },
  'recipient-invalid': { family: 'KeyError', retry: 'after-user', says: 'That is not a recipient.', next: 'A recipient starts with age1 and is what `enfold key recipient` prints on the other computer.' },
  'fingerprint-mismatch': { family: 'IntegrityError', retry: 'after-user', says: 'The folder in the bucket is not the one that the recovery kit or invitation speaks of.', next: 'Do not join it. Compare the fingerprint on a computer that has the folder; nothing was changed.' },
  // Integrity
  'context-mismatch': { family: 'IntegrityError', retry: 'never', says: 'The encryption context stored with the object is not the expected one.', next: 'The object was altered or is not of this folder; it was not used.' },
  'commitment-mismatch': { family: 'IntegrityError', retry: 'never', says: 'The object does not belong to the key stored with it.', next: 'The object was altered; it was not used.' },
  'not-authentic': { family: 'IntegrityError', retry: 'never', says: 'The object was altered, moved or replaced outside Enfold.', next: 'It was not used; restore an earlier version or upload the file again.' },
  'truncated': { family: 'IntegrityError', retry: 'never', says: 'The object is shorter or longer than it says.', next: 'It was not used; restore an earlier version or upload the file again.' },
  'descriptor-rollback': { family: 'IntegrityError', retry: 'after-user', says: 'The folder\'s description in the bucket is older than the one this computer has seen.', next: 'Somebody replaced it. Check who may write to the bucket before going on.' },
  'descriptor-mismatch': { family: 'IntegrityError', retry: 'after-user', says: 'The bucket holds a different folder than the one this computer joined.', next: 'Check the bucket and prefix; nothing was changed.' },
  'descriptor-missing': { family: 'IntegrityError', retry: 'after-user', says: 'The folder\'s description is gone from the bucket.', next: 'Nothing was changed. Check the bucket and prefix.' },
  'feed-rollback': { family: 'IntegrityError', retry: 'after-user', says: 'A device\'s list of changes in the bucket is older than the one this computer has seen.', next: 'Somebody may have put an old copy back; check who may write to the bucket. The folder is compared with the bucket in full instead, and the warning ends when that device has published anew.' },
  // Formats
  'not-ours': { family: 'FormatError', retry: 'never', says: 'The object was not written by an S3 encryption client.', next: 'It is listed and left alone.' },
  'malformed': { family: 'FormatError', retry: 'never', says: 'The data is damaged or not in the expected format.', next: 'It was not used.' },
  'newer-version': { family: 'FormatError', retry: 'after-user', says: 'This was written by a newer Enfold.', next: 'Update Enfold on this computer.' },
  'legacy-refused': { family: 'FormatError', retry: 'never', says: 'The object uses an old, weaker format.', next: 'Use --legacy to read it if you trust its source.' },
  'format-refused': { family: 'FormatError', retry: 'never', says: 'The object\'s format is not one this folder accepts.', next: 'It was not used.' },
  'metadata-too-large': { family: 'FormatError', retry: 'never', says: 'The file\'s metadata does not fit into the 2 KB that S3 allows.', next: 'Use a shorter encryption context or key.' },
  // Local
  'changed-while-reading': { family: 'LocalError', retry: 'replan', says: 'The file changed while it was being read.', next: 'It is tried again when it is quiet.' },
  'target-changed': { family: 'LocalError', retry: 'replan', says: 'The local file changed in the meantime.', next: 'Enfold looks again.' },
  'file-vanished': { family: 'LocalError', retry: 'replan', says: 'The file is no longer there.', next: 'Enfold looks again.' },
  'file-busy': { family: 'LocalError', retry: 'later', says: 'Another program has the file open.', next: 'It is tried again later.' },
  'permission-denied': { family: 'LocalError', retry: 'later', says: 'This computer does not let Enfold use the file or folder.', next: 'Change its permissions.' },
  'disk-full': { family: 'LocalError', retry: 'after-user', says: 'The disk is full.', next: 'Free some space; Enfold goes on by itself.' },
  'read-only': { family: 'LocalError', retry: 'after-user', says: 'The folder\'s disk is read-only.', next: 'Make it writable.' },
  'io-error': { family: 'LocalError', retry: 'later', says: 'The disk reported an error.', next: 'Check the disk.' },
  'name-unsupported': { family: 'LocalError', retry: 'never', says: 'The name cannot exist on this computer.', next: 'Rename it on the computer it comes from.' },
  'name-too-long': { family: 'LocalError', retry: 'never', says: 'The name is too long.', next: 'Shorten it.' },
  'root-missing': { family: 'LocalError', retry: 'after-user', says: 'The folder is not there.', next: 'Connect the disk or put the folder back; nothing was deleted.' },
  'root-unreadable': { family: 'LocalError', retry: 'after-user', says: 'The folder cannot be read.', next: 'Change its permissions.' },
  'root-foreign': { family: 'LocalError', retry: 'after-user', says: 'The folder at that place is not the one that was added.', next: 'Put the right folder back, or remove it from Enfold and add it again.' },
  'root-nested': { family: 'LocalError', retry: 'after-user', says: 'The folder is inside another synced folder, or contains one.', next: 'Choose a folder that does not overlap.' },
  'root-unsuitable': { family: 'LocalError', retry: 'after-user', says: 'That folder cannot be synced.', next: 'Choose a folder of your own files.' },
  'not-a-directory': { family: 'LocalError', retry: 'after-user', says: 'That is not a folder.', next: 'Choose a folder.' },
  'target-exists': { family: 'LocalError', retry: 'after-user', says: 'There is already something of that name.', next: 'Choose another name.' },
  'path-symlink': { family: 'LocalError', retry: 'later', says: 'A symbolic link stands where a folder should be.', next: 'Enfold never writes through links; put a real folder there.' },
  'watch-limit': { family: 'LocalError', retry: 'after-user', says: 'The system does not let Enfold watch all directories of this folder.', next: 'Nothing is missed: changes in the others are found within two minutes. For at once, raise the limit (`sudo sysctl fs.inotify.max_user_watches=1048576`), then pause and resume the folder.' },
  'file-too-large-for-mode': { family: 'LocalError', retry: 'never', says: 'The file is larger than this encryption mode can hold (64 GiB).', next: 'Use a server-side mode for it, or split it.' },
  // Remote
  'version-changed': { family: 'RemoteError', retry: 'replan', says: 'The object changed in the meantime.', next: 'Enfold looks again.' },
  'object-not-found': { family: 'RemoteError', retry: 'replan', says: 'The object is not there.', next: 'Enfold looks again.' },
  'bucket-not-found': { family: 'RemoteError', retry: 'after-user', says: 'The bucket does not exist.', next: 'Check its name, or create it.' },
  'descriptor-changed': { family: 'RemoteError', retry: 'replan', says: 'The folder\'s description in the bucket changed.', next: 'Enfold reads it again.' },
  'folder-changed': { family: 'RemoteError', retry: 'after-user', says: 'Another computer changed how this folder is encrypted, and that needs your agreement.', next: 'If it was meant: `enfold folder set ID --accept-epoch`. Nothing is transferred until then.' },
  'prefix-taken': { family: 'RemoteError', retry: 'after-user', says: 'Another folder already uses that place in the bucket.', next: 'Choose another prefix.' },
  'offline': { family: 'RemoteError', retry: 'later', says: 'The server cannot be reached.', next: 'Enfold goes on when the connection is back.' },
  'throttled': { family: 'RemoteError', retry: 'later', says: 'The server asks to slow down.', next: 'Enfold goes on more slowly.' },
  'server-error': { family: 'RemoteError', retry: 'later', says: 'The server reported an error of its own.', next: 'It is tried again.' },
  'access-denied': { family: 'RemoteError', retry: 'after-user', says: 'The sign-in does not permit this.', next: 'Add the missing permission.' },
  'sign-in-wrong': { family: 'RemoteError', retry: 'after-user', says: 'The server does not accept this sign-in.', next: 'Check access key and secret.' },
  'sign-in-expired': { family: 'RemoteError', retry: 'after-user', says: 'The sign-in has expired.', next: 'Sign in again; Enfold goes on where it stopped.' },
  'sign-in-missing': { family: 'RemoteError', retry: 'after-user', says: 'No sign-in was found for this connection.', next: 'Give an access key, or set up an AWS profile.' },
  'clock-wrong': { family: 'RemoteError', retry: 'after-user', says: 'This computer\'s clock differs too much from the server\'s.', next: 'Set the clock.' },
  'wrong-region': { family: 'RemoteError', retry: 'after-user', says: 'The bucket is in another region.', next: 'Set the connection\'s region.' },
  'not-s3': { family: 'RemoteError', retry: 'after-user', says: 'What answers there is not an S3 server.', next: 'Check the endpoint.' },
  'tls-failed': { family: 'RemoteError', retry: 'after-user', says: 'The server\'s certificate cannot be trusted.', next: 'Check the endpoint and its certificate.' },
  'rejected': { family: 'RemoteError', retry: 'after-user', says: 'The server refused the request.', next: 'See the details.' },
  'quota-exceeded': { family: 'RemoteError', retry: 'after-user', says: 'The storage is full.', next: 'Free some space or raise the limit.' },
  'mode-not-honoured': { family: 'RemoteError', retry: 'never', says: 'The server does not keep the file encrypted as asked.', next: 'See the details for what became of the object. Choose a client-side mode for this server.' },
  'change-under-way': { family: 'RemoteError', retry: 'after-user', says: 'Another computer is still changing how this folder is encrypted.', next: 'Nothing was changed. Let it finish there, or finish it from here: give the mode and key that the folder has now, then try again.' },
  'kms-key-not-found': { family: 'RemoteError', retry: 'after-user', says: 'KMS has no such key for this sign-in and region.', next: 'Check the key\'s id, ARN or alias, and the connection\'s region.' },
  'mode-blocked': { family: 'RemoteError', retry: 'after-user', says: 'The bucket does not allow this encryption mode.', next: 'Allow it in the bucket\'s encryption settings ("blocked encryption types"), or choose another mode.' },
  'policy-damaged': { family: 'RemoteError', retry: 'after-user', says: 'The policy is not one that can be read.', next: 'Nothing was changed. Correct the policy, or remove it, and try again.' },
  'policy-too-large': { family: 'RemoteError', retry: 'after-user', says: 'The policy would be larger than the 20 KB that S3 allows.', next: 'Nothing was changed. Remove statements that are no longer needed, and try again.' },
  'policy-edited': { family: 'RemoteError', retry: 'after-user', says: 'A policy statement that Enfold once wrote was edited since.', next: 'Nothing was changed. Give the statement a Sid of its own to keep it, or remove it, and try again.' },
  'configuration-changed': { family: 'RemoteError', retry: 'after-user', says: 'The bucket\'s settings were changed in the meantime.', next: 'Nothing was changed. Look again, and decide anew.' },
  'kms-key-unusable': { family: 'RemoteError', retry: 'after-user', says: 'The KMS key cannot be used.', next: 'Nothing was changed. Enable the key or cancel its deletion in KMS, or choose one that is enabled and in the bucket\'s region.' },
  'inventory-invalid': { family: 'FormatError', retry: 'after-user', says: 'The inventory is not one that can be read.', next: 'Give the manifest.json of an S3 Inventory in CSV with its files beside it, or one of those files with --inventory-fields.' },
  'answer-invalid': { family: 'RemoteError', retry: 'later', says: 'The server\'s answer makes no sense.', next: 'It is tried again.' },
  // State
  'state-corrupt': { family: 'StateError', retry: 'after-user', says: 'Enfold\'s own records of this folder are damaged.', next: 'Remove the folder from Enfold and add it again; no file is lost by that.' },
  'records-restored': { family: 'StateError', retry: 'later', says: 'Enfold\'s own records of this folder are older than what this computer has done since, as after restoring a backup.', next: 'The folder is joined anew: both sides are compared and nothing is deleted.' },
  'state-newer-version': { family: 'StateError', retry: 'after-user', says: 'Enfold\'s records were written by a newer version.', next: 'Update Enfold.' },
  'folder-busy': { family: 'StateError', retry: 'later', says: 'Another Enfold is syncing this folder.', next: 'Wait until it is done, or quit it.' },
  'storage-busy': { family: 'StateError', retry: 'later', says: 'Another server already uses this storage folder.', next: 'Stop it, or use the one that is running.' },
  'storage-key-missing': { family: 'KeyError', retry: 'after-user', says: 'The root key of this storage folder is not in this computer\'s keychain.', next: 'Bring it with its recovery words: `enfold storage root-key import --dir DIR`. Nothing in the folder was changed.' },
  'not-a-storage-folder': { family: 'UsageError', retry: 'after-user', says: 'There is no storage in that folder.', next: 'Name the folder that `enfold storage serve` uses.' },
  'no-such-access-key': { family: 'UsageError', retry: 'after-user', says: 'There is no access key of that name.', next: 'See `enfold storage key list`.' },
  'engine-stopped': { family: 'StateError', retry: 'later', says: 'Enfold\'s engine stopped and is being started again.', next: 'Nothing was lost. Try again in a moment.' },
  // Usage
  'bad-usage': { family: 'UsageError', retry: 'after-user', says: 'The command was not understood.', next: 'See --help.' },
  'not-available-yet': { family: 'UsageError', retry: 'never', says: 'This is not available yet.', next: 'See the README for what this version can do.' },
  'mode-not-available': { family: 'UsageError', retry: 'never', says: 'This encryption mode is not available yet.', next: 'See the README for the modes of this version.' },
  'no-such-connection': { family: 'UsageError', retry: 'after-user', says: 'There is no connection of that name.', next: 'See `enfold connection list`.' },
  'no-such-folder': { family: 'UsageError', retry: 'after-user', says: 'There is no such folder.', next: 'See `enfold folder list`.' },
  'listing-gone': { family: 'UsageError', retry: 'replan', says: 'The list is no longer held.', next: 'Open the folder again.' },
  'no-such-path': { family: 'UsageError', retry: 'after-user', says: 'There is no such file.', next: 'See `enfold ls`.' },
  'no-such-version': { family: 'UsageError', retry: 'after-user', says: 'There is no version of that file from then.', next: 'See `enfold versions`. A bucket without versioning keeps the newest version only.' },
  'name-taken': { family: 'UsageError', retry: 'after-user', says: 'That name is already taken.', next: 'Choose another.' },
  'connection-in-use': { family: 'UsageError', retry: 'after-user', says: 'A folder still uses this connection.', next: 'Remove the folder first.' },
  'plan-held': { family: 'UsageError', retry: 'after-user', says: 'Many files would be deleted; that waits for your answer.', next: 'See `enfold preview`, then `enfold sync --yes` if it is right.' },
  // Bugs
  'invariant': { family: 'InvariantError', retry: 'never', says: 'Enfold found a mistake of its own and stopped this folder.', next: 'Nothing was lost. Please report it.' },
} as const satisfies Record<string, Row>;

export type ErrorCode = keyof typeof table;
export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(table, text);
export const ERROR_CODES = Object.keys(table) as readonly ErrorCode[];

/** What an error is about; values may name files, so the logger redacts this object as a whole. */
export type ErrorAbout = {
  readonly path?: string | undefined;
  readonly objectKey?: string | undefined;
  /** What the server said: its code and HTTP status, never its secrets. */
  readonly server?: string | undefined;
  /** A fact that helps, in plain words, without secrets and without content. */
  readonly detail?: string | undefined;
  /** The command that mends it, word by word. */
  readonly fix?: readonly string[] | undefined;
};

export class SyncError extends Error {
  readonly code: ErrorCode;
  readonly about: ErrorAbout;
  /** How long the server asks to wait before a retry. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, about: ErrorAbout = {}, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(table[code].says, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = table[code].family;
    this.code = code;
    this.about = about;
    this.retryAfterMs = options.retryAfterMs;
  }

  get family(): ErrorFamily {
    return table[this.code].family;
  }
  get retry(): Retry {
    return table[this.code].retry;
  }
  get next(): string {
    return table[this.code].next;
  }
}

export function isSyncError(error: unknown, code?: ErrorCode): error is SyncError {
  return error instanceof SyncError && (code === undefined || error.code === code);
}

/** Errors as data: Electron and worker threads keep only the message of a thrown one. */
export type WireError = {
  readonly code: ErrorCode;
  readonly says: string;
  readonly next: string;
  readonly retry: Retry;
  readonly about: ErrorAbout;
  readonly retryAfterMs?: number | undefined;
};

/** Any thrown value as data; what is no SyncError becomes `invariant` with its message as detail. */
export function toWire(error: unknown): WireError {
  const known = error instanceof SyncError ? error : new SyncError('invariant', { detail: error instanceof Error ? error.message : String(error) }, { cause: error });
  return { code: known.code, says: known.message, next: known.next, retry: known.retry, about: known.about, retryAfterMs: known.retryAfterMs };
}

export function fromWire(wire: WireError): SyncError {
  return new SyncError(wire.code, wire.about, wire.retryAfterMs === undefined ? {} : { retryAfterMs: wire.retryAfterMs });
}
