// The Amazon S3 Encryption Client of the AWS SDK for Go (s3crypto, V2, KMS), driven by one JSON request per line on standard
// input; one JSON answer per line comes back. The requests are those of peer.rb, with "kms" as the only kind of key.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/kms"
	"github.com/aws/aws-sdk-go/service/s3"
	"github.com/aws/aws-sdk-go/service/s3/s3crypto"
)

type settings struct{ Endpoint, AccessKeyId, SecretAccessKey, KmsEndpoint string }

type request struct {
	Act, Bucket, ObjectKey, Place, Kms, File string
	Context                                  map[string]string
}

type answer struct {
	Ok        bool   `json:"ok"`
	SizeBytes *int   `json:"sizeBytes,omitempty"`
	Sha256    string `json:"sha256,omitempty"`
	Error     string `json:"error,omitempty"`
	Message   string `json:"message,omitempty"`
	Version   string `json:"version,omitempty"`
}

var sess *session.Session
var keys *kms.KMS

func put(asked request) error {
	context := s3crypto.MaterialDescription{}
	for name, value := range asked.Context {
		context[name] = aws.String(value)
	}
	builder := s3crypto.AESGCMContentCipherBuilderV2(s3crypto.NewKMSContextKeyGenerator(keys, asked.Kms, context))
	client, err := s3crypto.NewEncryptionClientV2(sess, builder, func(options *s3crypto.EncryptionClientOptions) {
		if asked.Place == "instruction-file" {
			options.SaveStrategy = s3crypto.S3SaveStrategy{Client: s3.New(sess)}
		}
	})
	if err != nil {
		return err
	}
	file, err := os.Open(asked.File)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = client.PutObject(&s3.PutObjectInput{Bucket: &asked.Bucket, Key: &asked.ObjectKey, Body: file})
	return err
}

func get(asked request) ([]byte, error) {
	registry := s3crypto.NewCryptoRegistry()
	if err := s3crypto.RegisterKMSContextWrapWithCMK(registry, keys, asked.Kms); err != nil {
		return nil, err
	}
	if err := s3crypto.RegisterAESGCMContentCipher(registry); err != nil {
		return nil, err
	}
	client, err := s3crypto.NewDecryptionClientV2(sess, registry)
	if err != nil {
		return nil, err
	}
	out, err := client.GetObject(&s3.GetObjectInput{Bucket: &asked.Bucket, Key: &asked.ObjectKey})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

func respond(asked request) (given answer) {
	// The client panics on some damaged envelopes, which is a refusal too.
	defer func() {
		if reason := recover(); reason != nil {
			given = answer{Error: "panic", Message: fmt.Sprint(reason)}
		}
	}()
	if asked.Act == "put" {
		if err := put(asked); err != nil {
			return answer{Error: "error", Message: err.Error()}
		}
		return answer{Ok: true}
	}
	plaintext, err := get(asked)
	if err != nil {
		var requestFailure awserr.RequestFailure
		if errors.As(err, &requestFailure) {
			return answer{Error: requestFailure.Code(), Message: err.Error()}
		}
		return answer{Error: "error", Message: err.Error()}
	}
	size, digest := len(plaintext), sha256.Sum256(plaintext)
	return answer{Ok: true, SizeBytes: &size, Sha256: hex.EncodeToString(digest[:])}
}

func main() {
	var given settings
	if err := json.Unmarshal([]byte(os.Args[1]), &given); err != nil {
		panic(err)
	}
	common := aws.Config{Region: aws.String("us-east-1"), Credentials: credentials.NewStaticCredentials(given.AccessKeyId, given.SecretAccessKey, ""), MaxRetries: aws.Int(0)}
	sess = session.Must(session.NewSession(&common, &aws.Config{Endpoint: &given.Endpoint, S3ForcePathStyle: aws.Bool(true)}))
	keys = kms.New(session.Must(session.NewSession(&common, &aws.Config{Endpoint: &given.KmsEndpoint})))
	out := json.NewEncoder(os.Stdout)
	out.Encode(answer{Ok: true, Version: aws.SDKVersion})
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			panic(err)
		}
		out.Encode(respond(asked))
	}
}
