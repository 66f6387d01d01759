/** Why a plan waits for the user, in words. */
export const HELD_WORDS: Readonly<Record<string, string>> = {
  'mass-delete-local': 'many files would be deleted here',
  'mass-delete-remote': 'many files would be deleted in S3',
  'tree-delete-local': 'a whole directory would be deleted here',
  'tree-delete-remote': 'a whole directory would be deleted in S3',
  'root-emptied': 'the local folder was emptied',
  'remote-emptied': 'the bucket was emptied',
};
