-- +goose Up
CREATE TABLE t (a int);
