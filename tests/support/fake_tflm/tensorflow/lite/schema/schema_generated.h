// A stand-in: the version of the schema, and a model of which nothing but the file identifier is looked at.
#pragma once
#include <cstring>

#define TFLITE_SCHEMA_VERSION 3

namespace tflite {
struct Model {
  unsigned char bytes[8];
  unsigned int version() const { return std::memcmp(bytes + 4, "TFL3", 4) == 0 ? 3 : 0; }
};
inline const Model* GetModel(const void* content) { return static_cast<const Model*>(content); }
}  // namespace tflite
