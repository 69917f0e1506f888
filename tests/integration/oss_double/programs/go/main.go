// The round trip of OSS's Go SDK v2: arguments and report as round_trips.py has them.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
)

const (
	key         = "exports/报表 2026+1.csv"
	bigKey      = "exports/big.xlsx"
	smallKey    = "exports/small"
	partCount   = 5
	partBytes   = 120_000
	lastBytes   = 1000
	disposition = `attachment; filename="report.xlsx"; filename*=UTF-8''%E6%8A%A5%E8%A1%A8%20%F0%9F%93%8A.xlsx`
)

type report map[string]any

// access is where the bucket is, and who asks.
type access struct {
	endpoint, region, bucket, keyID, secret, version, proxy string
}

func main() {
	log.SetFlags(0)
	arguments := append(os.Args[1:], "")
	here := access{
		endpoint: arguments[0],
		region:   arguments[1],
		bucket:   arguments[2],
		keyID:    arguments[3],
		secret:   arguments[4],
		version:  arguments[5],
		proxy:    arguments[6],
	}
	trip := roundTrip{here: here, client: here.client(), bucket: oss.Ptr(here.bucket)}
	reported := report{}
	for _, step := range []func(report) error{
		trip.wholeObjects, trip.parts, trip.refusedParts, trip.links, trip.errors, trip.ends,
	} {
		if err := step(reported); err != nil {
			log.Fatal(err)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(reported); err != nil {
		log.Fatal(err)
	}
}

func (here access) client() *oss.Client {
	config := oss.LoadDefaultConfig().
		WithEndpoint(here.endpoint).
		WithRegion(here.region).
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(here.keyID, here.secret)).
		WithSignatureVersion(oss.SignatureVersionV4).
		WithRetryMaxAttempts(1).
		// With a proxy the bucket is in the host, as at OSS itself.
		WithUsePathStyle(here.proxy == "")
	if here.version == "v1" {
		config = config.WithSignatureVersion(oss.SignatureVersionV1)
	}
	if here.proxy != "" {
		config = config.WithProxyHost(here.proxy)
	}
	return oss.NewClient(config)
}

// throughProxy says which proxy leads to a request's host.
func (here access) throughProxy(*http.Request) (*url.URL, error) {
	if here.proxy == "" {
		return nil, nil
	}
	return url.Parse(here.proxy)
}

type roundTrip struct {
	here   access
	client *oss.Client
	bucket *string
}

func code(err error) string {
	var refusal *oss.ServiceError
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func (trip roundTrip) content(key, span string) (string, *oss.GetObjectResult, error) {
	request := &oss.GetObjectRequest{Bucket: trip.bucket, Key: oss.Ptr(key)}
	if span != "" {
		request.Range = oss.Ptr(span)
	}
	got, err := trip.client.GetObject(context.TODO(), request)
	if err != nil {
		return "", nil, err
	}
	defer got.Body.Close()
	content, err := io.ReadAll(got.Body)
	return string(content), got, err
}

func (trip roundTrip) wholeObjects(reported report) error {
	ctx, client := context.TODO(), trip.client
	put, err := client.PutObject(ctx, &oss.PutObjectRequest{
		Bucket:      trip.bucket,
		Key:         oss.Ptr(key),
		ContentType: oss.Ptr("text/csv; charset=utf-8"),
		Metadata:    map[string]string{"author": "rowferry"},
		Body:        strings.NewReader("id,名称\n1,甲\n"),
	})
	if err != nil {
		return err
	}
	reported["put_etag"] = strings.Trim(*put.ETag, `"`)
	head, err := client.HeadObject(ctx, &oss.HeadObjectRequest{Bucket: trip.bucket, Key: oss.Ptr(key)})
	if err != nil {
		return err
	}
	reported["size"], reported["content_type"] = head.ContentLength, *head.ContentType
	reported["meta"] = head.Metadata["author"]
	whole, _, err := trip.content(key, "")
	if err != nil {
		return err
	}
	span, _, err := trip.content(key, "bytes=3-8")
	reported["content"], reported["range"] = whole, span
	if err != nil {
		return err
	}
	return trip.tags(reported)
}

func (trip roundTrip) tags(reported report) error {
	ctx, client := context.TODO(), trip.client
	tags := []oss.Tag{
		{Key: oss.Ptr("rowferry-task"), Value: oss.Ptr("a1")},
		{Key: oss.Ptr("team"), Value: oss.Ptr("data ops+1")},
	}
	if _, err := client.PutObjectTagging(ctx, &oss.PutObjectTaggingRequest{
		Bucket: trip.bucket, Key: oss.Ptr(key), Tagging: &oss.Tagging{TagSet: &oss.TagSet{Tags: tags}},
	}); err != nil {
		return err
	}
	written, err := trip.tagsNow()
	if err != nil {
		return err
	}
	if _, err := client.DeleteObjectTagging(ctx, &oss.DeleteObjectTaggingRequest{
		Bucket: trip.bucket, Key: oss.Ptr(key),
	}); err != nil {
		return err
	}
	left, err := trip.tagsNow()
	reported["tags"], reported["tags_after_delete"] = written, left
	return err
}

func (trip roundTrip) tagsNow() (map[string]string, error) {
	got, err := trip.client.GetObjectTagging(context.TODO(), &oss.GetObjectTaggingRequest{
		Bucket: trip.bucket, Key: oss.Ptr(key),
	})
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for _, tag := range got.Tags {
		tags[*tag.Key] = *tag.Value
	}
	return tags, nil
}

func (trip roundTrip) parts(reported report) error {
	ctx, client := context.TODO(), trip.client
	begun, err := client.InitiateMultipartUpload(ctx, &oss.InitiateMultipartUploadRequest{
		Bucket:             trip.bucket,
		Key:                oss.Ptr(bigKey),
		ContentType:        oss.Ptr("text/plain"),
		ContentDisposition: oss.Ptr(disposition),
	})
	if err != nil {
		return err
	}
	sent, err := trip.sendParts(*begun.UploadId)
	if err != nil {
		return err
	}
	if err := trip.listings(*begun.UploadId, reported); err != nil {
		return err
	}
	if err := trip.complete(bigKey, *begun.UploadId, sent); err != nil {
		return err
	}
	content, got, err := trip.content(bigKey, "")
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(content))
	reported["sha256"] = hex.EncodeToString(sum[:])
	reported["stored_disposition"] = got.Headers.Get("Content-Disposition")
	reported["completed_again"] = code(trip.complete(bigKey, *begun.UploadId, sent))
	return nil
}

func (trip roundTrip) sendParts(uploadID string) ([]oss.UploadPart, error) {
	sent := make([]oss.UploadPart, partCount)
	failures := make([]error, partCount)
	var all sync.WaitGroup
	for index := range sent {
		all.Add(1)
		go func() {
			defer all.Done()
			sent[index], failures[index] = trip.sendPart(bigKey, uploadID, int32(index+1), part(index+1))
		}()
	}
	all.Wait()
	return sent, errors.Join(failures...)
}

func part(number int) []byte {
	size := partBytes
	if number == partCount {
		size = lastBytes
	}
	return bytes.Repeat([]byte{byte(number)}, size)
}

func (trip roundTrip) sendPart(
	key, uploadID string, number int32, content []byte,
) (oss.UploadPart, error) {
	sent, err := trip.client.UploadPart(context.TODO(), &oss.UploadPartRequest{
		Bucket:     trip.bucket,
		Key:        oss.Ptr(key),
		UploadId:   oss.Ptr(uploadID),
		PartNumber: number,
		Body:       bytes.NewReader(content),
	})
	if err != nil {
		return oss.UploadPart{}, err
	}
	return oss.UploadPart{PartNumber: number, ETag: sent.ETag}, nil
}

func (trip roundTrip) complete(key, uploadID string, parts []oss.UploadPart) error {
	_, err := trip.client.CompleteMultipartUpload(
		context.TODO(),
		&oss.CompleteMultipartUploadRequest{
			Bucket:                  trip.bucket,
			Key:                     oss.Ptr(key),
			UploadId:                oss.Ptr(uploadID),
			CompleteMultipartUpload: &oss.CompleteMultipartUpload{Parts: parts},
		},
	)
	return err
}

func (trip roundTrip) listings(uploadID string, reported report) error {
	listed := [][2]int64{}
	pages := trip.client.NewListPartsPaginator(&oss.ListPartsRequest{
		Bucket: trip.bucket, Key: oss.Ptr(bigKey), UploadId: oss.Ptr(uploadID), MaxParts: 2,
	})
	for pages.HasNext() {
		page, err := pages.NextPage(context.TODO())
		if err != nil {
			return err
		}
		for _, found := range page.Parts {
			listed = append(listed, [2]int64{int64(found.PartNumber), found.Size})
		}
	}
	open, err := trip.openUploads()
	if err != nil {
		return err
	}
	visible, err := trip.client.IsObjectExist(context.TODO(), *trip.bucket, bigKey)
	reported["listed_parts"], reported["open_uploads"] = listed, open
	reported["visible_before_complete"] = visible
	return err
}

func (trip roundTrip) openUploads() ([]string, error) {
	keys := []string{}
	pages := trip.client.NewListMultipartUploadsPaginator(
		&oss.ListMultipartUploadsRequest{Bucket: trip.bucket, MaxUploads: 1},
	)
	for pages.HasNext() {
		page, err := pages.NextPage(context.TODO())
		if err != nil {
			return nil, err
		}
		for _, found := range page.Uploads {
			keys = append(keys, *found.Key)
		}
	}
	return keys, nil
}

func (trip roundTrip) refusedParts(reported report) error {
	begun, err := trip.client.InitiateMultipartUpload(
		context.TODO(),
		&oss.InitiateMultipartUploadRequest{Bucket: trip.bucket, Key: oss.Ptr(smallKey)},
	)
	if err != nil {
		return err
	}
	sent := []oss.UploadPart{}
	for number := range int32(2) {
		one, err := trip.sendPart(smallKey, *begun.UploadId, number+1, []byte("x"))
		if err != nil {
			return err
		}
		sent = append(sent, one)
	}
	missing := append(sent, oss.UploadPart{PartNumber: 3, ETag: sent[0].ETag})
	reported["small_part"] = code(trip.complete(smallKey, *begun.UploadId, sent))
	reported["missing_part"] = code(trip.complete(smallKey, *begun.UploadId, missing))
	if err := trip.abort(*begun.UploadId); err != nil {
		return err
	}
	reported["aborted_again"] = code(trip.abort(*begun.UploadId))
	reported["uploads_after_abort"], err = trip.openUploads()
	return err
}

func (trip roundTrip) abort(uploadID string) error {
	_, err := trip.client.AbortMultipartUpload(context.TODO(), &oss.AbortMultipartUploadRequest{
		Bucket: trip.bucket, Key: oss.Ptr(smallKey), UploadId: oss.Ptr(uploadID),
	})
	return err
}

func (trip roundTrip) links(reported report) error {
	signed, err := trip.client.Presign(
		context.TODO(),
		&oss.GetObjectRequest{
			Bucket: trip.bucket, Key: oss.Ptr(key), ResponseContentDisposition: oss.Ptr(disposition),
		},
		oss.PresignExpires(time.Minute),
	)
	if err != nil {
		return err
	}
	// The URL names OSS's own host where a proxy leads to it.
	fetching := &http.Client{Transport: &http.Transport{Proxy: trip.here.throughProxy}}
	answer, err := fetching.Get(signed.URL)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	altered, err := fetching.Get(strings.Replace(signed.URL, "report.xlsx", "retort.xlsx", 1))
	if err != nil {
		return err
	}
	defer altered.Body.Close()
	reported["signed_status"], reported["altered_status"] = answer.StatusCode, altered.StatusCode
	reported["signed_disposition"] = answer.Header.Get("Content-Disposition")
	reported["signed_content"] = string(content)
	return nil
}

func (trip roundTrip) errors(reported report) error {
	_, err := trip.client.PutObject(context.TODO(), &oss.PutObjectRequest{
		Bucket: trip.bucket, Key: oss.Ptr(key), ForbidOverwrite: oss.Ptr("true"),
	})
	reported["overwritten"] = code(err)
	_, _, err = trip.content("exports/none", "")
	reported["no_key"] = code(err)
	_, err = trip.client.HeadObject(context.TODO(), &oss.HeadObjectRequest{
		Bucket: trip.bucket, Key: oss.Ptr("exports/none"),
	})
	reported["no_key_head"] = code(err)
	elsewhere, impostor, stranger := trip.here, trip.here, trip.here
	elsewhere.bucket, impostor.secret, stranger.keyID = "nobody-has-it", "wrong", "LTAInobody"
	reported["no_bucket"] = elsewhere.refusal()
	reported["wrong_secret"] = impostor.refusal()
	reported["unknown_key_id"] = stranger.refusal()
	return nil
}

func (here access) refusal() string {
	trip := roundTrip{here: here, client: here.client(), bucket: oss.Ptr(here.bucket)}
	_, _, err := trip.content(key, "")
	return code(err)
}

func (trip roundTrip) ends(reported report) error {
	keys := []string{}
	pages := trip.client.NewListObjectsV2Paginator(&oss.ListObjectsV2Request{
		Bucket: trip.bucket, Prefix: oss.Ptr("exports/"), MaxKeys: 1,
	})
	for pages.HasNext() {
		page, err := pages.NextPage(context.TODO())
		if err != nil {
			return err
		}
		for _, found := range page.Contents {
			keys = append(keys, *found.Key)
		}
	}
	for _, one := range keys {
		if _, err := trip.client.DeleteObject(context.TODO(), &oss.DeleteObjectRequest{
			Bucket: trip.bucket, Key: oss.Ptr(one),
		}); err != nil {
			return err
		}
	}
	exists, err := trip.client.IsObjectExist(context.TODO(), *trip.bucket, key)
	reported["keys"], reported["exists_after_delete"] = keys, exists
	return err
}
