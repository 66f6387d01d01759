/** What an operation refuses, in S3's own codes and statuses; the table is their only source. */

const table = {
  AccessControlListNotSupported: [400, 'The bucket does not allow ACLs'],
  AccessDenied: [403, 'Access Denied'],
  AuthorizationHeaderMalformed: [400, 'The authorization header is malformed.'],
  AuthorizationQueryParametersError: [400, 'The authorization query parameters that you provided are not valid.'],
  BadRequest: [400, 'An error occurred when parsing the HTTP request.'],
  BadDigest: [400, 'The Content-MD5 or checksum value that you specified did not match what the server received.'],
  BucketAlreadyOwnedByYou: [409, 'Your previous request to create the named bucket succeeded and you already own it.'],
  BucketNotEmpty: [409, 'The bucket you tried to delete is not empty'],
  ConditionalRequestConflict: [409, 'The conditional request cannot succeed due to a conflicting operation against this resource.'],
  EntityTooLarge: [400, 'Your proposed upload exceeds the maximum allowed size'],
  EntityTooSmall: [400, 'Your proposed upload is smaller than the minimum allowed size'],
  IncompleteBody: [400, 'You did not provide the number of bytes specified by the Content-Length HTTP header.'],
  InsufficientStorage: [507, 'The disk that holds the storage folder is full.'],
  InternalError: [500, 'We encountered an internal error. Please try again.'],
  InvalidAccessKeyId: [403, 'The access key ID that you provided does not exist in our records.'],
  InvalidArgument: [400, 'Invalid Argument'],
  InvalidBucketName: [400, 'The specified bucket is not valid.'],
  InvalidBucketState: [409, 'The request is not valid for the current state of the bucket.'],
  InvalidDigest: [400, 'The Content-MD5 you specified was invalid.'],
  InvalidEncryptionAlgorithmError: [400, 'The encryption request you specified is not valid. The valid value is AES256.'],
  InvalidLocationConstraint: [400, 'The specified location-constraint is not valid'],
  InvalidPart: [400, 'One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part\'s entity tag.'],
  InvalidPartNumber: [416, 'The requested partnumber is not satisfiable'],
  InvalidPartOrder: [400, 'The list of parts was not in ascending order. Parts must be ordered by part number.'],
  InvalidRange: [416, 'The requested range is not satisfiable'],
  InvalidRequest: [400, 'The request is not valid.'],
  InvalidStorageClass: [400, 'The storage class you specified is not valid'],
  InvalidTag: [400, 'The tag provided was not a valid tag.'],
  InvalidURI: [400, 'Couldn\'t parse the specified URI.'],
  IllegalVersioningConfigurationException: [400, 'The versioning configuration specified in the request is invalid.'],
  'KMS.DisabledException': [400, 'The KMS key is disabled.'],
  'KMS.KMSInvalidStateException': [400, 'The KMS key is not in a state to be used.'],
  'KMS.NotFoundException': [400, 'The KMS key does not exist.'],
  KeyTooLongError: [400, 'Your key is too long'],
  MalformedPolicy: [400, 'Policies must be valid JSON and the first byte must be \'{\''],
  MalformedXML: [400, 'The XML you provided was not well-formed or did not validate against our published schema'],
  MetadataTooLarge: [400, 'Your metadata headers exceed the maximum allowed metadata size'],
  MethodNotAllowed: [405, 'The specified method is not allowed against this resource.'],
  MissingContentLength: [411, 'You must provide the Content-Length HTTP header.'],
  MissingSecurityHeader: [400, 'Your request was missing a required header'],
  NoSuchBucket: [404, 'The specified bucket does not exist'],
  NoSuchBucketPolicy: [404, 'The bucket policy does not exist'],
  NoSuchCORSConfiguration: [404, 'The CORS configuration does not exist'],
  NoSuchKey: [404, 'The specified key does not exist.'],
  NoSuchLifecycleConfiguration: [404, 'The lifecycle configuration does not exist'],
  NoSuchPublicAccessBlockConfiguration: [404, 'The public access block configuration was not found'],
  NoSuchTagSet: [404, 'The TagSet does not exist'],
  NoSuchUpload: [404, 'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.'],
  NoSuchVersion: [404, 'The specified version does not exist.'],
  OwnershipControlsNotFoundError: [404, 'The bucket ownership controls were not found'],
  NotImplemented: [501, 'A header or query you provided implies functionality that is not implemented.'],
  NotModified: [304, 'Not Modified'],
  ObjectLockConfigurationNotFoundError: [404, 'Object Lock configuration does not exist for this bucket'],
  PreconditionFailed: [412, 'At least one of the pre-conditions you specified did not hold'],
  RequestHeaderSectionTooLarge: [400, 'Your request header and query parameters used to make the request exceed the maximum allowed size.'],
  RequestTimeout: [400, 'Your socket connection to the server was not read from or written to within the timeout period.'],
  RequestTimeTooSkewed: [403, 'The difference between the request time and the server\'s time is too large.'],
  ServiceUnavailable: [503, 'Service is unable to handle request.'],
  SignatureDoesNotMatch: [403, 'The request signature we calculated does not match the signature you provided. Check your key and signing method.'],
  XAmzContentSHA256Mismatch: [400, 'The provided \'x-amz-content-sha256\' header does not match what was computed.'],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type S3ErrorCode = keyof typeof table;

export class S3Error extends Error {
  readonly code: S3ErrorCode;
  readonly status: number;
  /** Further elements of the XML answer, such as `ArgumentName`; never secrets. */
  readonly details: Readonly<Record<string, string>>;
  /** Further headers of the answer. */
  readonly headers: readonly string[];

  constructor(code: S3ErrorCode, message?: string, details: Readonly<Record<string, string>> = {}, headers: readonly string[] = []) {
    super(message ?? table[code][1]);
    this.name = 'S3Error';
    this.code = code;
    this.status = table[code][0];
    this.details = details;
    this.headers = headers;
  }
}

/** A change was made and its flush failed: whether it is on the disk is known at the next start, and until then nothing of it may be undone. */
export class FlushFailed extends S3Error {
  constructor(cause?: unknown) {
    super('ServiceUnavailable', 'The disk that holds the storage folder failed to keep what was written to it. What it holds is not known: nothing is read or written until the storage is started again.');
    this.cause = cause;
  }
}

/** What the JSON services (KMS, Secrets Manager) refuse, by AWS's own exception names. */
export class ServiceError extends Error {
  readonly type: string;

  constructor(type: string, message = '') {
    super(message);
    this.name = 'ServiceError';
    this.type = type;
  }
}

/** What S3 answers where KMS refuses to serve it. */
function ofKms(error: ServiceError): S3Error {
  switch (error.type) {
    case 'AccessDeniedException':
      return new S3Error('AccessDenied', error.message);
    case 'NotFoundException':
      return new S3Error('KMS.NotFoundException', error.message);
    case 'DisabledException':
      return new S3Error('KMS.DisabledException', error.message);
    case 'KMSInvalidStateException':
      return new S3Error('KMS.KMSInvalidStateException', error.message);
    default:
      return new S3Error('AccessDenied');
  }
}

/** The client went away before its request was whole; nobody is left to answer. */
export class ClientGone extends Error {
  constructor() {
    super('the client closed the connection');
    this.name = 'ClientGone';
  }
}

export function invalidArgument(name: string, value: string, message: string): S3Error {
  return new S3Error('InvalidArgument', message, { ArgumentName: name, ArgumentValue: value });
}

export function notImplemented(what: string): S3Error {
  return new S3Error('NotImplemented', undefined, { Header: what });
}

/** Whether it is a full disk, or a used-up quota, that a file or the database met. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')) || error.message.includes('database or disk is full');
}

/** Whether the disk itself failed, under a file or the database. */
export function isDiskFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === 'EIO') || error.message.includes('disk I/O error');
}

/** What an unexpected error is to the client: a full disk and a failing one are told apart, all else is our own fault. */
export function toS3Error(error: unknown): S3Error {
  if (error instanceof S3Error) return error;
  if (error instanceof ServiceError) return ofKms(error);
  if (isDiskFull(error)) return new S3Error('InsufficientStorage');
  return new S3Error('InternalError', isDiskFailure(error) ? 'The disk that holds the storage folder reported an error; nothing was changed.' : undefined);
}
