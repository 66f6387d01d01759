# The Amazon S3 Encryption Client of Ruby, driven by one JSON request per line on standard input; one JSON answer per line comes back.
#
#   {"act": "put" | "get", "format": "v2" | "v1", "bucket", "objectKey", "place": "metadata" | "instruction-file",
#    "keys": [{"aes": BASE64 | "rsa": PEM, "description": TEXT}, ...] or "kms": KEY ID, "context": {...},
#    "file": path of the plaintext to put}
#
# The first of the keys writes; the one whose description holds the same JSON as the object's reads, else the first one.
require 'aws-sdk-s3'
require 'aws-sdk-kms'
require 'base64'
require 'digest'
require 'json'

$stdout.sync = true
settings = JSON.parse(ARGV[0])
common = { region: 'us-east-1', credentials: Aws::Credentials.new(settings['accessKeyId'], settings['secretAccessKey']), retry_limit: 0 }
S3 = Aws::S3::Client.new(**common, endpoint: settings['endpoint'], force_path_style: true)
KMS = Aws::KMS::Client.new(**common, endpoint: settings['kmsEndpoint'])

# Debian's KMS gem is older than its S3 gem and does not know a parameter of Decrypt that the S3 gem gives it.
decrypt = Aws::KMS::ClientApi::DecryptRequest
unless decrypt.member?(:key_id)
  decrypt.add_member(:key_id, Seahorse::Model::Shapes::ShapeRef.new(shape: Aws::KMS::ClientApi::KeyIdType, location_name: 'KeyId'))
  decrypt.struct_class = Struct.new(*decrypt.member_names) { include Aws::Structure }
end

# Chooses the key as a user of the client would: by what the material description says, not by how its JSON is spelled.
class DescribedKeys
  attr_reader :encryption_materials

  def initialize(keys, materials)
    @held = keys.map do |key|
      bytes = key['aes'] ? Base64.strict_decode64(key['aes']) : OpenSSL::PKey::RSA.new(key['rsa'])
      materials.new(key: bytes, description: key['description'] || '{}')
    end
    @encryption_materials = @held.first
  end

  def key_for(description)
    asked = JSON.parse(description)
    (@held.find { |held| JSON.parse(held.description) == asked } || @held.first).key
  end
end

def client_for(request)
  old = request['format'] == 'v1'
  options = { client: S3, envelope_location: request['place'].tr('-', '_').to_sym }
  unless old
    wrap = request['kms'] ? :kms_context : request['keys'][0]['aes'] ? :aes_gcm : :rsa_oaep_sha1
    options.update(key_wrap_schema: wrap, content_encryption_schema: :aes_gcm_no_padding, security_profile: :v2)
  end
  if request['kms']
    options.update(kms_key_id: request['kms'], kms_client: KMS)
  else
    options[:key_provider] = DescribedKeys.new(request['keys'], old ? Aws::S3::Encryption::Materials : Aws::S3::EncryptionV2::Materials)
  end
  (old ? Aws::S3::Encryption::Client : Aws::S3::EncryptionV2::Client).new(options)
end

def answer(request)
  params = { bucket: request['bucket'], key: request['objectKey'] }
  params[:kms_encryption_context] = request['context'] if request['context']
  client = client_for(request)
  if request['act'] == 'put'
    File.open(request['file'], 'rb') { |file| client.put_object(**params, body: file) }
    return { ok: true }
  end
  plaintext = client.get_object(params).body.read
  { ok: true, sizeBytes: plaintext.bytesize, sha256: Digest::SHA256.hexdigest(plaintext) }
rescue StandardError => e
  { ok: false, error: e.class.name, message: e.message.to_s.scrub }
end

puts({ ok: true, version: Aws::S3::GEM_VERSION }.to_json)
$stdin.each_line { |line| puts(answer(JSON.parse(line)).to_json) }
